package rds

import (
	"context"
	"fmt"

	"coffer.example/kms"
)

// Deletion says what a deletion leaves.
type Deletion struct {
	SkipFinal  bool
	FinalName  string // of the final snapshot
	KeepBackup bool   // automated backups stay until their time is over
}

// DeleteDatabase deletes a database. The answer shows it deleting; the next call does not find it.
func (s *Service) DeleteDatabase(ctx context.Context, c kms.Caller, kind Kind, name string, how Deletion) (Database, error) {
	d, release, err := s.locked(ctx, c, kind, name)
	if err != nil {
		return d, err
	}
	defer release()
	if err := s.checkDelete(ctx, d, how); err != nil {
		return d, err
	}
	ctx = settled(ctx)
	if how.FinalName != "" && d.ClusterName == "" {
		if _, err := s.snapshotLocked(ctx, d, how.FinalName, manual, nil); err != nil {
			return d, err
		}
	}
	if !how.KeepBackup && d.ClusterName == "" {
		if err := s.dropBackups(ctx, d); err != nil {
			return d, err
		}
	}
	d, err = edit(ctx, s, d, func(d *Database) { d.State = Deleting })
	if err != nil {
		return d, err
	}
	return d, s.finishDelete(ctx, d)
}

func (s *Service) checkDelete(ctx context.Context, d Database, how Deletion) error {
	lost := d.State == KeyLost || d.State == KeyLostForGood
	switch {
	case d.DeletionProtection && d.Kind == Cluster:
		return refuse(ParameterCombination, d.Kind, "Cannot delete protected Cluster, please disable deletion protection and try again.")
	case d.DeletionProtection:
		return refuse(ParameterCombination, d.Kind, "Cannot delete protected DB Instance, please disable deletion protection and try again.")
	case how.SkipFinal && how.FinalName != "":
		return refuse(ParameterCombination, d.Kind, "FinalDBSnapshotIdentifier can not be specified when SkipFinalSnapshot is true.")
	case d.ClusterName != "" && how.FinalName != "":
		return refuse(ParameterCombination, d.Kind, "A DB instance that is part of a DB cluster has no final snapshot.")
	case d.ClusterName == "" && !how.SkipFinal && how.FinalName == "":
		return refuse(ParameterCombination, d.Kind, "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.")
	case lost && how.FinalName != "", d.State != Available && d.State != Stopped && !lost:
		return badState(d)
	}
	members, err := s.members(ctx, d)
	if err != nil {
		return err
	}
	if len(members) > 0 {
		return refuse(DatabaseState, Cluster, "Cluster cannot be deleted, it still contains DB instances in non-deleting state.")
	}
	return nil
}

// finishDelete takes a database that is deleting away, its record last.
func (s *Service) finishDelete(ctx context.Context, d Database) error {
	if err := s.removeStorage(ctx, d); err != nil {
		return fmt.Errorf("rds: delete %s: %w", d.ARN(), err)
	}
	return newChange().drop(d).Commit(ctx, s.store)
}

// undoCreate takes away whatever there is of a database that did not come to be, its record last.
func (s *Service) undoCreate(ctx context.Context, d Database) error {
	if err := s.removeStorage(ctx, d); err != nil {
		return err
	}
	return newChange().drop(d).Commit(ctx, s.store)
}

// removeStorage takes a database's volume and grants away.
func (s *Service) removeStorage(ctx context.Context, d Database) error {
	if d.VolumeID == "" {
		return nil
	}
	if err := s.closeStorage(ctx, d); err != nil {
		s.log.Error("what was written last to a database that goes is lost", "database", d.ARN(), "error", err)
	}
	if err := gone(s.engine.DeleteVolume(ctx, d.VolumeID)); err != nil {
		return err
	}
	for _, loan := range append(d.Loans, Loan{d.KeyARN, d.GrantID}) {
		if err := s.giveBack(ctx, d.Owner, d.ResourceID, loan); err != nil {
			return err
		}
	}
	return nil
}
