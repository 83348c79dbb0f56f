package rds

import (
	"context"
	"errors"
	"time"

	"coffer.example/internal/meta"
	"coffer.example/internal/meta/records"
)

// Tick does what time and keys have made due: it checks the key of every available database,
// backs up what is due, makes losses of keys final, and removes backups whose time is over.
// The service calls it every CheckEvery and after changes of keys.
func (s *Service) Tick(ctx context.Context) error {
	databases, err := all[Database](ctx, s.store, databasePrefix)
	if err != nil {
		return err
	}
	for _, d := range databases {
		if err := s.lookAfter(ctx, d); err != nil {
			s.log.Error("a database was not looked after; tried again later", "database", d.ARN(), "error", err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return s.lookAfterSnapshots(ctx)
}

// lookAfter is Tick for one database.
func (s *Service) lookAfter(ctx context.Context, d Database) error {
	release, err := s.locks.Acquire(ctx, d.key())
	if err != nil {
		return err
	}
	defer release()
	stored, err := records.Get[Database](ctx, s.store, d.key())
	if errors.Is(err, meta.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if d = stored.Value; d.ClusterName != "" {
		return nil
	}
	switch d, err = s.settle(ctx, d); {
	case err != nil:
		return err
	case d.State == Stopped:
		return s.startOverdue(ctx, d)
	case d.State != Available:
		return nil
	}
	if err := s.openChecked(ctx, d); err != nil {
		if keyRefused(err) {
			return s.loseKey(ctx, d, err)
		}
		return err
	}
	if s.backupDue(d) {
		_, err = s.backUp(ctx, d)
	}
	return err
}

// lookAfterSnapshots is Tick for snapshots.
func (s *Service) lookAfterSnapshots(ctx context.Context) error {
	databases, err := all[Database](ctx, s.store, databasePrefix)
	if err != nil {
		return err
	}
	alive := map[string]Database{} // by resource id
	for _, d := range databases {
		alive[d.ResourceID] = d
	}
	snapshots, err := all[Snapshot](ctx, s.store, snapshotPrefix)
	if err != nil {
		return err
	}
	newest := map[string]time.Time{} // by resource id
	for _, snap := range snapshots {
		if snap.Automated() && snap.Taken.After(newest[snap.DatabaseID]) {
			newest[snap.DatabaseID] = snap.Taken
		}
	}
	for _, snap := range snapshots {
		var err error
		if d, ok := alive[snap.DatabaseID]; snap.Automated() && s.expired(snap, d, ok, newest[snap.DatabaseID]) {
			err = s.dropSnapshot(ctx, snap)
		} else {
			_, err = s.refreshed(ctx, snap)
		}
		if err != nil {
			s.log.Error("a snapshot was not looked after; tried again later", "snapshot", snap.ARN(), "error", err)
		}
	}
	return ctx.Err()
}

// expired says whether an automated backup is older than its period. While its database is
// there, the newest one stays, and all of them while the database is inaccessible.
func (s *Service) expired(snap Snapshot, d Database, alive bool, newest time.Time) bool {
	days := snap.BackupDays
	if alive {
		days = d.BackupDays
		if snap.Taken.Equal(newest) && days > 0 || d.State == KeyLost || d.State == KeyLostForGood {
			return false
		}
	}
	return s.now().Sub(snap.Taken) > time.Duration(days)*24*time.Hour
}

// dropSnapshot removes a snapshot, if it is still there.
func (s *Service) dropSnapshot(ctx context.Context, snap Snapshot) error {
	release, err := s.locks.Acquire(ctx, snap.key())
	if err != nil {
		return err
	}
	defer release()
	now, err := records.Get[Snapshot](ctx, s.store, snap.key())
	if errors.Is(err, meta.ErrNotFound) {
		return nil
	}
	if err != nil || now.Value.EngineID != snap.EngineID {
		return err
	}
	return s.removeSnapshot(ctx, now.Value)
}
