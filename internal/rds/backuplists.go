package rds

import (
	"context"
	"time"

	"coffer.example/kms"
)

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
