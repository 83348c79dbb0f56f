package rds

import (
	"context"
	"errors"
	"fmt"
)

// recover brings the catalogue and the engine into agreement after any end of the process.
// Every change writes the catalogue first and last, so that each record says what may be missing:
//
//	creating            undone: nobody was told that it exists
//	deleting            the engine and the key store are told again, the record removed
//	starting, rebooting opened through its key; refused: inaccessible
//	stopping            stopped: nothing is open after a start
//	growing             the engine is told again
//	available           opened through its key; refused: inaccessible
//	creating snapshot   available if the engine has it, else removed
//	copying             goes on in the engine, failed if the engine does not know it
//
// What cannot be brought into agreement stays as it is until the next Tick, and keeps nobody from the others.
func (s *Service) recover(ctx context.Context) error {
	snapshots, err := all[Snapshot](ctx, s.store, snapshotPrefix)
	if err != nil {
		return fmt.Errorf("rds: recover: %w", err)
	}
	for _, snap := range snapshots {
		if err := s.recoverSnapshot(ctx, snap); err != nil {
			s.log.Error("a snapshot was not recovered; the next start tries again", "snapshot", snap.ARN(), "error", err)
		}
	}
	databases, err := all[Database](ctx, s.store, databasePrefix)
	if err != nil {
		return fmt.Errorf("rds: recover: %w", err)
	}
	for _, d := range databases {
		if err := s.recoverDatabase(ctx, d); err != nil {
			s.log.Error("a database was not recovered; tried again later", "database", d.ARN(), "error", err)
		}
	}
	return ctx.Err()
}

func (s *Service) recoverDatabase(ctx context.Context, d Database) error {
	if d.ClusterName != "" && d.State == Deleting {
		return s.finishDelete(ctx, d)
	}
	if d.ClusterName != "" {
		return nil
	}
	d, err := s.settle(ctx, d)
	if err != nil || d.State != Available {
		return err
	}
	if err := s.openChecked(ctx, d); keyRefused(err) {
		return s.loseKey(ctx, d, err)
	} else {
		return err
	}
}

// settle takes a database, whose lock the caller holds, out of the states that it only passes through.
func (s *Service) settle(ctx context.Context, d Database) (Database, error) {
	var err error
	switch d.State {
	case Creating:
		d.State = Deleting // for the caller: it goes
		return d, s.undoCreate(ctx, d)
	case Deleting:
		return d, s.finishDelete(ctx, d)
	case Starting, Rebooting:
		if d, err = edit(ctx, s, d, becomeAvailable); err != nil {
			return d, err
		}
	case Stopping:
		if err := s.finishStop(ctx, d); err != nil {
			return d, err
		}
		s.becomeStopped(&d)
	}
	if d, err = s.expireKeyLoss(ctx, d); err != nil || !d.Growing || d.State == KeyLost || d.State == KeyLostForGood {
		return d, err
	}
	if err := s.finishGrow(ctx, d, d.GiB); keyRefused(err) {
		return d, s.loseKey(ctx, d, err)
	} else if err != nil {
		return d, err
	}
	d.Growing = false
	return d, nil
}

func (s *Service) recoverSnapshot(ctx context.Context, snap Snapshot) error {
	switch snap.State {
	case Deleting:
		return s.removeSnapshot(ctx, snap)
	case SnapshotCopying:
		_, err := s.refresh(ctx, snap)
		return err
	case Creating:
		_, err := s.engine.Snapshot(snap.EngineID)
		if err == nil {
			_, err = edit(ctx, s, snap, func(snap *Snapshot) { snap.State = Available })
			return err
		}
		return errors.Join(gone(err), s.removeSnapshot(ctx, snap))
	}
	return nil
}
