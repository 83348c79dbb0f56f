package rds

import (
	"context"
	"errors"
	"maps"
	"time"

	"coffer.example/blockstore"
	"coffer.example/internal/meta/records"
	"coffer.example/kms"
)

// RestoreSnapshot makes a database of a snapshot, of its own kind or the other.
func (s *Service) RestoreSnapshot(ctx context.Context, c kms.Caller, kind Kind, name string, of Kind, source string, spec Spec) (Database, error) {
	snap, err := s.findSnapshot(ctx, c, of, source)
	if err != nil {
		return Database{}, err
	}
	return s.restore(ctx, c, kind, name, snap, spec)
}

// restore makes a database of a snapshot that the caller may use.
func (s *Service) restore(ctx context.Context, c kms.Caller, kind Kind, name string, snap Snapshot, spec Spec) (Database, error) {
	name, err := checkName(identifierOf(kind), name, maxName)
	if err != nil {
		return Database{}, err
	}
	switch {
	case snap.State != Available:
		return Database{}, refuse(SnapshotState, snap.Kind, "The snapshot %s is not in available state.", snap.Name)
	case snap.Region != c.Region:
		return Database{}, noSnapshot(snap.Kind, snap.ARN())
	case snap.Owner != c.Account && snap.KeyARN != "":
		return Database{}, refuse(SnapshotState, snap.Kind, "An encrypted snapshot that another account shares cannot be restored; copy it under a key of this account and restore the copy.")
	case spec.GiB != 0 && spec.GiB < snap.GiB:
		return Database{}, refuse(ParameterCombination, kind, "The allocated storage of %d GiB is less than the snapshot's %d GiB.", spec.GiB, snap.GiB)
	}
	spec.inherit(snap)
	if err := spec.complete(kind); err != nil {
		return Database{}, err
	}
	under, err := s.restoreKey(ctx, c, snap, spec.KeyID)
	if err != nil {
		return Database{}, err
	}
	d, err := s.newDatabase(c, kind, name, spec, under)
	if err != nil {
		return d, err
	}
	d, err = s.begin(ctx, c, d, &snap)
	if errors.Is(err, blockstore.ErrNotFound) {
		return d, noSnapshot(snap.Kind, snap.Name)
	}
	return d, err
}

// inherit takes from a snapshot what a request leaves open.
func (spec *Spec) inherit(snap Snapshot) {
	if spec.Engine == "" {
		spec.Engine = snap.Engine
	}
	if spec.EngineVersion == "" && spec.Engine == snap.Engine {
		spec.EngineVersion = snap.EngineVersion
	}
	if spec.GiB == 0 {
		spec.GiB = snap.GiB
	}
	if spec.BackupDays == 0 {
		spec.BackupDays = max(snap.BackupDays, 1)
	}
	if spec.BackupWindow == "" {
		spec.BackupWindow = snap.BackupWindow
	}
	settings := maps.Clone(snap.Settings)
	if settings == nil {
		settings = map[string]string{}
	}
	maps.Copy(settings, spec.Settings)
	spec.Settings = settings
}

func (s *Service) restoreKey(ctx context.Context, c kms.Caller, snap Snapshot, keyID string) (key, error) {
	switch {
	case keyID != "":
		return s.resolveKey(ctx, c, keyID)
	case snap.KeyARN == "":
		return key{}, nil
	}
	under, err := s.resolveKey(ctx, c, snap.KeyARN)
	if HasReason(err, KeyNotAccessible) {
		return key{}, notAccessible("The source snapshot", snap.KeyARN, errors.Unwrap(err))
	}
	return under, err
}

// Point is a moment of a database that is to be restored.
type Point struct {
	Kind       Kind
	Database   string // its name or ARN; or
	ResourceID string
	At         time.Time // or
	Latest     bool
}

// RestorePoint makes a database of another one's automated backups: of the newest until that
// time. The latest state of a database that is not inaccessible is backed up first.
func (s *Service) RestorePoint(ctx context.Context, c kms.Caller, from Point, name string, spec Spec) (Database, error) {
	if _, err := checkName(identifierOf(from.Kind), name, maxName); err != nil {
		return Database{}, err
	}
	if from.Latest == !from.At.IsZero() {
		return Database{}, refuse(ParameterCombination, from.Kind, "Exactly one of the time to restore to and UseLatestRestorableTime must be given.")
	}
	source, err := s.pointSource(ctx, c, from)
	if err != nil {
		return Database{}, err
	}
	if from.Latest && source.Name != "" {
		if snap, ok, err := s.backUpNow(ctx, c, source); ok || err != nil {
			if err != nil {
				return Database{}, err
			}
			return s.restore(ctx, c, from.Kind, name, snap, spec)
		}
	}
	until := from.At
	if from.Latest {
		until = s.now()
	}
	snap, err := s.newestBackup(ctx, c, from.Kind, source.ResourceID, until)
	if err != nil {
		return Database{}, err
	}
	return s.restore(ctx, c, from.Kind, name, snap, spec)
}

// pointSource finds the database of a point; of one that is gone only the resource id is known.
func (s *Service) pointSource(ctx context.Context, c kms.Caller, from Point) (Database, error) {
	if from.Database != "" {
		d, err := s.database(ctx, c, from.Kind, from.Database)
		if err == nil && d.Value.ClusterName != "" {
			err = refuse(DatabaseState, Cluster, "The DB instance %s is part of a DB cluster, which is what can be restored.", d.Value.Name)
		}
		return d.Value, err
	}
	var found Database
	err := scan(ctx, s.store, databasesOf(c.Region, c.Account, from.Kind), "", func(d Database) error {
		if d.ResourceID == from.ResourceID {
			found = d
			return records.ErrStop
		}
		return nil
	})
	found.ResourceID = from.ResourceID
	return found, err
}

// backUpNow backs a database up if it is available or stopped.
func (s *Service) backUpNow(ctx context.Context, c kms.Caller, d Database) (Snapshot, bool, error) {
	d, release, err := s.locked(ctx, c, d.Kind, d.Name)
	if err != nil {
		return Snapshot{}, false, err
	}
	defer release()
	if d.State != Available && d.State != Stopped {
		return Snapshot{}, false, nil
	}
	snap, err := s.backUp(settled(ctx), d)
	return snap, err == nil, err
}

func (s *Service) newestBackup(ctx context.Context, c kms.Caller, kind Kind, resourceID string, until time.Time) (Snapshot, error) {
	var newest Snapshot
	err := scan(ctx, s.store, snapshotsOf(c.Region, c.Account, kind), "", func(snap Snapshot) error {
		if snap.Automated() && snap.DatabaseID == resourceID && snap.State == Available && !snap.Taken.After(until) && snap.Taken.After(newest.Taken) {
			newest = snap
		}
		return nil
	})
	if err == nil && newest.Name == "" {
		err = refuse(RestoreNotPossible, kind, "There is no automated backup of %s until %s.", resourceID, until.UTC().Format(time.RFC3339))
	}
	return newest, err
}
