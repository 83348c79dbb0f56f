package rds

import (
	"context"
	"errors"
	"strings"

	"coffer.example/internal/meta"
	"coffer.example/internal/meta/records"
	"coffer.example/kms"
)

// database finds a database of the caller by its name or ARN.
func (s *Service) database(ctx context.Context, c kms.Caller, kind Kind, name string) (records.Stored[Database], error) {
	missing := func() error { return noDatabase(kind, name) }
	if at, ok := parseARN(name); ok {
		if at.region != c.Region || at.account != c.Account || at.resource != string(kind) {
			return records.Stored[Database]{}, missing()
		}
		name = at.name
	}
	lower := strings.ToLower(name)
	if _, err := checkName("", lower, maxName); err != nil {
		return records.Stored[Database]{}, missing()
	}
	found, err := records.Get[Database](ctx, s.store, databaseKey(c.Region, c.Account, kind, lower))
	if errors.Is(err, meta.ErrNotFound) {
		return found, missing()
	}
	return found, err
}

func noDatabase(kind Kind, name string) error {
	if kind == Cluster {
		return refuse(DatabaseNotFound, kind, "DBCluster %s not found.", name)
	}
	return refuse(DatabaseNotFound, kind, "DBInstance %s not found.", name)
}

// locked finds a database of the caller and locks it, and further keys with it.
func (s *Service) locked(ctx context.Context, c kms.Caller, kind Kind, name string, more ...string) (Database, func(), error) {
	d, err := s.database(ctx, c, kind, name)
	if err != nil {
		return Database{}, nil, err
	}
	release, err := s.locks.Acquire(ctx, append(more, d.Value.key())...)
	if err != nil {
		return Database{}, nil, err
	}
	d, err = s.database(ctx, c, kind, name) // as it is now
	if err != nil {
		release()
		return Database{}, nil, err
	}
	return d.Value, release, nil
}

// withStorage is locked for what concerns storage: an instance of a cluster has none.
func (s *Service) withStorage(ctx context.Context, c kms.Caller, kind Kind, name string) (Database, func(), error) {
	d, release, err := s.locked(ctx, c, kind, name)
	if err == nil && d.ClusterName != "" {
		release()
		return d, nil, refuse(DatabaseState, Cluster, "The DB instance %s is part of the DB cluster %s; the operation is for the cluster.", d.Name, d.ClusterName)
	}
	return d, release, err
}
