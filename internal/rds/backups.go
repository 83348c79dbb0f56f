package rds

import (
	"context"
	"encoding/hex"
	"errors"
	"time"

	"coffer.example/internal/meta"
	"coffer.example/kms"
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
	release, err := s.locks.acquire(ctx, d.key())
	if err != nil {
		return err
	}
	defer release()
	stored, err := get[Database](ctx, s.store, d.key())
	if errors.Is(err, meta.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if d = stored.value; d.ClusterName != "" {
		return nil
	}
	if d, err = s.settle(ctx, d); err != nil || d.State != Available {
		return err
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

// backupDue says whether a database's daily window has begun since its last backup.
func (s *Service) backupDue(d Database) bool {
	if d.BackupDays == 0 {
		return false
	}
	start, err := time.Parse("15:04", d.BackupWindow[:len("15:04")])
	if err != nil {
		return false // the window was checked when it was set
	}
	now := s.now()
	last := time.Date(now.Year(), now.Month(), now.Day(), start.Hour(), start.Minute(), 0, 0, time.UTC)
	if last.After(now) {
		last = last.AddDate(0, 0, -1)
	}
	return d.LastBackup.Before(last)
}

// backUp takes an automated backup of a database whose lock the caller holds.
func (s *Service) backUp(ctx context.Context, d Database) (Snapshot, error) {
	now := s.now()
	name := "rds:" + d.Name + now.Format("-2006-01-02-15-04")
	snap, err := s.snapshotLocked(ctx, d, name, automated, nil)
	if HasReason(err, SnapshotExists) { // of this minute
		var more []byte
		if more, err = s.draw(4); err == nil {
			snap, err = s.snapshotLocked(ctx, d, name+"-"+hex.EncodeToString(more), automated, nil)
		}
	}
	if err != nil {
		return snap, err
	}
	_, err = edit(ctx, s, d, func(d *Database) { d.LastBackup = now })
	return snap, err
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
	release, err := s.locks.acquire(ctx, snap.key())
	if err != nil {
		return err
	}
	defer release()
	now, err := get[Snapshot](ctx, s.store, snap.key())
	if errors.Is(err, meta.ErrNotFound) {
		return nil
	}
	if err != nil || now.value.EngineID != snap.EngineID {
		return err
	}
	return s.removeSnapshot(ctx, now.value)
}

// dropBackups removes the automated backups of a database whose lock the caller holds.
func (s *Service) dropBackups(ctx context.Context, d Database) error {
	backups, err := s.backupsOf(ctx, d)
	if err != nil {
		return err
	}
	for _, snap := range backups {
		if err := s.dropSnapshot(ctx, snap); err != nil {
			return err
		}
	}
	return nil
}

// backupsOf are the automated backups of a database, oldest first.
func (s *Service) backupsOf(ctx context.Context, d Database) (out []Snapshot, err error) {
	err = scan(ctx, s.store, snapshotsOf(d.Region, d.Owner, d.Kind), "", func(snap Snapshot) error {
		if snap.Automated() && snap.DatabaseID == d.ResourceID {
			out = append(out, snap)
		}
		return nil
	})
	return out, err
}

// Backups are the automated backups of one database, which may be gone.
type Backups struct {
	Database         Database // what the newest backup says of it
	Active           bool     // the database is there
	Earliest, Latest time.Time
}

// AutomatedBackups lists the automated backups of the caller's databases of a kind.
func (s *Service) AutomatedBackups(ctx context.Context, c kms.Caller, kind Kind) ([]Backups, error) {
	databases, err := all[Database](ctx, s.store, databasesOf(c.Region, c.Account, kind))
	if err != nil {
		return nil, err
	}
	var out []Backups
	place := map[string]int{}
	for _, d := range databases {
		if d.ClusterName == "" && d.BackupDays > 0 {
			place[d.ResourceID] = len(out)
			out = append(out, Backups{Database: d, Active: true})
		}
	}
	err = scan(ctx, s.store, snapshotsOf(c.Region, c.Account, kind), "", func(snap Snapshot) error {
		if !snap.Automated() || snap.State != Available {
			return nil
		}
		i, ok := place[snap.DatabaseID]
		if !ok {
			i, place[snap.DatabaseID] = len(out), len(out)
			out = append(out, Backups{Database: snap.asDatabase()})
		}
		if b := &out[i]; b.Earliest.IsZero() || snap.Taken.Before(b.Earliest) {
			b.Earliest = snap.Taken
		}
		if b := &out[i]; snap.Taken.After(b.Latest) {
			b.Latest = snap.Taken
		}
		return nil
	})
	for i := range out {
		if d := out[i].Database; out[i].Active && d.State == Available {
			out[i].Latest = s.now()
		}
	}
	return out, err
}

// asDatabase is what a snapshot says of a database that is gone.
func (s Snapshot) asDatabase() Database {
	return Database{
		Kind: s.Kind, Name: s.Database, Owner: s.Owner, Region: s.Region, ResourceID: s.DatabaseID, Profile: s.Profile,
		Storage: Storage{GiB: s.GiB, KeyARN: s.KeyARN, ManagedKey: s.ManagedKey}, Created: s.DatabaseCreated,
	}
}

// DeleteAutomatedBackups deletes the backups that a deleted database has left.
func (s *Service) DeleteAutomatedBackups(ctx context.Context, c kms.Caller, kind Kind, resourceID string) (Backups, error) {
	list, err := s.AutomatedBackups(ctx, c, kind)
	if err != nil {
		return Backups{}, err
	}
	for _, b := range list {
		if b.Database.ResourceID != resourceID {
			continue
		}
		if b.Active {
			return b, refuse(DatabaseState, kind, "The automated backups of %s are active; they go with it.", b.Database.Name)
		}
		return b, s.dropBackups(settled(ctx), b.Database)
	}
	return Backups{}, refuse(BackupNotFound, kind, "No automated backup of %s was found.", resourceID)
}
