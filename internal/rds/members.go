package rds

import (
	"context"

	"coffer.example/kms"
)

// createMember makes an instance that uses a cluster's storage.
func (s *Service) createMember(ctx context.Context, c kms.Caller, name string, spec Spec) (Database, error) {
	if spec.Encrypted != nil || spec.KeyID != "" {
		return Database{}, refuse(ParameterCombination, Instance, "The encryption of a DB instance that is part of a DB cluster is set by the cluster.")
	}
	clusterKey := databaseKey(c.Region, c.Account, Cluster, spec.ClusterName)
	d, err := s.newDatabase(c, Instance, name, spec, key{})
	if err != nil {
		return Database{}, err
	}
	release, err := s.locks.Acquire(ctx, clusterKey, d.key())
	if err != nil {
		return Database{}, err
	}
	defer release()
	cluster, err := s.database(ctx, c, Cluster, spec.ClusterName)
	if err != nil {
		return Database{}, err
	}
	switch members, err := s.members(ctx, cluster.Value); {
	case err != nil:
		return Database{}, err
	case len(members) >= maxMembers:
		return Database{}, refuse(DatabaseQuota, Instance, "A DB cluster has at most %d DB instances.", maxMembers)
	case cluster.Value.State != Available:
		return Database{}, refuse(DatabaseState, Cluster, "DB cluster %s is not in available state.", cluster.Value.Name)
	case cluster.Value.Engine != d.Engine:
		return Database{}, refuse(ParameterCombination, Instance, "The engine name requested for your DB instance (%s) doesn't match the engine name of your DB cluster (%s).", d.Engine, cluster.Value.Engine)
	}
	if err := s.checkFree(ctx, d); err != nil {
		return Database{}, err
	}
	answer := d
	d.State = Available
	d.EngineVersion = cluster.Value.EngineVersion
	return s.shown(answer, &cluster.Value, Creating), newChange().keep(d, 0).Commit(ctx, s.store)
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
	d.KeyLost, d.KeyMessage, d.StoppedAt = cluster.KeyLost, cluster.KeyMessage, cluster.StoppedAt
	return d
}
