package rds

import (
	"context"
	"errors"
	"strings"

	"coffer.example/internal/meta"
	"coffer.example/kms"
)

// database finds a database of the caller by its name or ARN.
func (s *Service) database(ctx context.Context, c kms.Caller, kind Kind, name string) (stored[Database], error) {
	missing := func() error { return noDatabase(kind, name) }
	if at, ok := parseARN(name); ok {
		if at.region != c.Region || at.account != c.Account || at.resource != string(kind) {
			return stored[Database]{}, missing()
		}
		name = at.name
	}
	lower := strings.ToLower(name)
	if _, err := checkName("", lower, maxName); err != nil {
		return stored[Database]{}, missing()
	}
	found, err := get[Database](ctx, s.store, databaseKey(c.Region, c.Account, kind, lower))
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
	release, err := s.locks.acquire(ctx, append(more, d.value.key())...)
	if err != nil {
		return Database{}, nil, err
	}
	d, err = s.database(ctx, c, kind, name) // as it is now
	if err != nil {
		release()
		return Database{}, nil, err
	}
	return d.value, release, nil
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

// members are the instances of a cluster.
func (s *Service) members(ctx context.Context, cluster Database) ([]Database, error) {
	var out []Database
	if cluster.Kind != Cluster {
		return nil, nil
	}
	err := scan(ctx, s.store, databasesOf(cluster.Region, cluster.Owner, Instance), "", func(d Database) error {
		if d.ClusterName == cluster.Name {
			out = append(out, d)
		}
		return nil
	})
	return out, err
}

// Members are the instances of a cluster, in the order of their names; the first is the writer.
func (s *Service) Members(ctx context.Context, cluster Database) ([]Database, error) {
	return s.members(ctx, cluster)
}

// shown is an instance of a cluster with what the cluster says of both.
func (s *Service) shown(d Database, cluster *Database, state State) Database {
	if cluster == nil {
		return d
	}
	d.State, d.GiB, d.KeyARN, d.ManagedKey = state, cluster.GiB, cluster.KeyARN, cluster.ManagedKey
	d.BackupDays, d.BackupWindow, d.LastBackup = cluster.BackupDays, cluster.BackupWindow, cluster.LastBackup
	d.KeyLost, d.KeyMessage = cluster.KeyLost, cluster.KeyMessage
	return d
}
