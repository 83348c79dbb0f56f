package rds

import (
	"context"
	"encoding/hex"
	"time"
)

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
