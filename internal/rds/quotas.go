package rds

import (
	"context"

	"coffer.example/kms"
)

// Quota is how much of something an account has and may have.
type Quota struct {
	Name      string
	Used, Max int
}

// Quotas are the caller's in the Region.
func (s *Service) Quotas(ctx context.Context, c kms.Caller) ([]Quota, error) {
	out := []Quota{
		{"DBInstances", 0, maxInstances}, {"DBClusters", 0, maxClusters},
		{"ManualSnapshots", 0, maxSnapshots}, {"ManualClusterSnapshots", 0, maxSnapshots},
	}
	for i, kind := range []Kind{Instance, Cluster} {
		databases, err := all[Database](ctx, s.store, databasesOf(c.Region, c.Account, kind))
		if err != nil {
			return nil, err
		}
		out[i].Used = len(databases)
		err = scan(ctx, s.store, snapshotsOf(c.Region, c.Account, kind), "", func(snap Snapshot) error {
			if !snap.Automated() {
				out[2+i].Used++
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
