package rds

import "context"

// Use is a database, snapshot or automated backup under a KMS key.
type Use struct {
	ARN   string
	ID    string // of its volume or snapshot of the engine
	State string
}

// UsesOf lists what is under a key, in whatever account and Region.
func (s *Service) UsesOf(ctx context.Context, keyARN string) ([]Use, error) {
	var out []Use
	err := scan(ctx, s.store, databasePrefix, "", func(d Database) error {
		if d.KeyARN == keyARN {
			out = append(out, Use{d.ARN(), d.VolumeID, string(d.State)})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = scan(ctx, s.store, snapshotPrefix, "", func(snap Snapshot) error {
		if snap.KeyARN == keyARN {
			out = append(out, Use{snap.ARN(), snap.EngineID, string(snap.State)})
		}
		return nil
	})
	return out, err
}
