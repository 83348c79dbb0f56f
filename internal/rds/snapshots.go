package rds

import (
	"context"
	"errors"
	"fmt"

	"coffer.example/blockstore"
	"coffer.example/internal/meta"
	"coffer.example/internal/meta/records"
	"coffer.example/kms"
)

// CreateSnapshot takes a snapshot of a database. It answers with the state creating; the
// snapshot is available before the next call sees it.
func (s *Service) CreateSnapshot(ctx context.Context, c kms.Caller, kind Kind, database, name string, tags Tags) (Snapshot, error) {
	if err := checkTags(tags); err != nil {
		return Snapshot{}, err
	}
	d, release, err := s.withStorage(ctx, c, kind, database)
	if err != nil {
		return Snapshot{}, err
	}
	defer release()
	if d.State != Available && d.State != Stopped {
		return Snapshot{}, badState(d)
	}
	snap, err := s.snapshotLocked(settled(ctx), d, name, manual, tags)
	snap.State = Creating
	return snap, err
}

// snapshotLocked takes a snapshot of a database whose lock the caller holds.
func (s *Service) snapshotLocked(ctx context.Context, d Database, name, kind string, tags Tags) (Snapshot, error) {
	var err error
	if kind == manual {
		if name, err = checkName(snapshotIdentifier(d.Kind), name, maxSnapshotName); err != nil {
			return Snapshot{}, err
		}
	}
	err = s.useKey(ctx, d, func(cause error) error {
		return &Error{Reason: DatabaseState, Kind: d.Kind, Cause: cause, Message: fmt.Sprintf("The storage of DB %s %s is inaccessible: its KMS key refuses.", noun(d.Kind), d.Name)}
	})
	if err != nil {
		return Snapshot{}, err
	}
	now := s.now()
	snap := Snapshot{
		Kind: d.Kind, Name: name, Owner: d.Owner, Region: d.Region, Type: kind, Database: d.Name, DatabaseID: d.ResourceID,
		DatabaseCreated: d.Created, GiB: d.GiB, KeyARN: d.KeyARN, ManagedKey: d.ManagedKey, Profile: d.Profile,
		Created: now, Taken: now, State: Creating, Tags: tags,
	}
	if d.CopyTags && len(tags) == 0 {
		snap.Tags = d.Tags
	}
	if snap.EngineID, err = s.newEngineID("snap-"); err != nil {
		return snap, err
	}
	release, err := s.locks.Acquire(ctx, snap.key())
	if err != nil {
		return snap, err
	}
	defer release()
	if err := s.checkSnapshotFree(ctx, snap); err != nil {
		return snap, err
	}
	if err := newChange().keep(snap, 0).Commit(ctx, s.store); err != nil {
		return snap, raced(err)
	}
	_, err = s.engine.CreateSnapshot(ctx, blockstore.SnapshotRequest{Volume: d.VolumeID, ID: snap.EngineID, Keys: s.keyring(d.role(), d.KeyARN)})
	if err != nil {
		return snap, errors.Join(err, s.removeSnapshot(ctx, snap))
	}
	return edit(ctx, s, snap, func(snap *Snapshot) { snap.State = Available })
}

func snapshotIdentifier(kind Kind) string {
	if kind == Cluster {
		return "DBClusterSnapshotIdentifier"
	}
	return "DBSnapshotIdentifier"
}

// checkSnapshotFree refuses a name that is taken, and more manual snapshots than the quota.
func (s *Service) checkSnapshotFree(ctx context.Context, snap Snapshot) error {
	_, err := records.Get[Snapshot](ctx, s.store, snap.key())
	if err == nil {
		return refuse(SnapshotExists, snap.Kind, "Cannot create the snapshot because a snapshot with the identifier %s already exists.", snap.Name)
	}
	if !errors.Is(err, meta.ErrNotFound) {
		return err
	}
	if snap.Automated() {
		return nil
	}
	have, copies := 0, 0
	err = scan(ctx, s.store, snapshotsOf(snap.Region, snap.Owner, snap.Kind), "", func(other Snapshot) error {
		if !other.Automated() {
			have++
		}
		if other.State == SnapshotCopying {
			copies++
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case have >= maxSnapshots:
		return refuse(SnapshotQuota, snap.Kind, "The request would result in the user exceeding the allowed number of %d manual snapshots.", maxSnapshots)
	case snap.State == SnapshotCopying && copies >= maxCopies:
		return refuse(SnapshotQuota, snap.Kind, "The account has %d snapshot copies in progress in this Region, the maximum.", maxCopies)
	}
	return nil
}

// DeleteSnapshot deletes a manual snapshot of the caller.
func (s *Service) DeleteSnapshot(ctx context.Context, c kms.Caller, kind Kind, name string) (Snapshot, error) {
	snap, release, err := s.lockedSnapshot(ctx, c, kind, name)
	if err != nil {
		return snap, err
	}
	defer release()
	switch {
	case snap.Automated():
		return snap, refuse(SnapshotState, kind, "Only manual snapshots may be deleted; %s is an automated backup.", snap.Name)
	case snap.State != Available && snap.State != SnapshotFailed && snap.State != SnapshotCopying:
		return snap, refuse(SnapshotState, kind, "The snapshot %s is in %s state.", snap.Name, snap.State)
	}
	answer := snap
	answer.State = Deleting
	return answer, s.removeSnapshot(settled(ctx), snap)
}

// removeSnapshot takes a snapshot, whose lock the caller holds, away, its record last.
func (s *Service) removeSnapshot(ctx context.Context, snap Snapshot) error {
	if snap.State != Deleting {
		var err error
		if snap, err = edit(ctx, s, snap, func(snap *Snapshot) { snap.State = Deleting }); err != nil {
			return err
		}
	}
	if err := gone(s.engine.DeleteSnapshot(ctx, snap.EngineID)); err != nil {
		return fmt.Errorf("rds: delete %s: %w", snap.ARN(), err)
	}
	for _, loan := range snap.Loans {
		if err := s.giveBack(ctx, snap.Owner, snap.EngineID, loan); err != nil {
			return err
		}
	}
	c := newChange().drop(snap)
	for _, account := range snap.grantees() {
		c.clear(sharedKey(snap, account))
	}
	return c.Commit(ctx, s.store)
}
