package rds

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"coffer.example/blockstore"
	"coffer.example/internal/meta"
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
	release, err := s.locks.acquire(ctx, snap.key())
	if err != nil {
		return snap, err
	}
	defer release()
	if err := s.checkSnapshotFree(ctx, snap); err != nil {
		return snap, err
	}
	if err := newChange().keep(snap, 0).commit(ctx, s.store); err != nil {
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
	_, err := get[Snapshot](ctx, s.store, snap.key())
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

// ownSnapshot finds a snapshot of the caller by its name or ARN.
func (s *Service) ownSnapshot(ctx context.Context, c kms.Caller, kind Kind, name string) (Snapshot, error) {
	snap, err := s.findSnapshot(ctx, c, kind, name)
	if err == nil && (snap.Owner != c.Account || snap.Region != c.Region) {
		err = noSnapshot(kind, name)
	}
	return snap, err
}

// findSnapshot finds a snapshot that the caller may use: an own one, or one that is
// shared with them, by its ARN; of whatever Region, if an ARN says so.
func (s *Service) findSnapshot(ctx context.Context, c kms.Caller, kind Kind, name string) (Snapshot, error) {
	at := place{c.Region, c.Account, snapshotType(kind), strings.ToLower(name)}
	if strings.HasPrefix(name, "arn:") {
		var ok bool
		if at, ok = parseARN(name); !ok || at.resource != snapshotType(kind) {
			return Snapshot{}, noSnapshot(kind, name)
		}
	}
	if strings.ContainsAny(at.name, "/\x00") || at.name == "" || len(at.name) > 2*maxSnapshotName {
		return Snapshot{}, noSnapshot(kind, name)
	}
	found, err := get[Snapshot](ctx, s.store, snapshotKey(at.region, at.account, kind, at.name))
	if errors.Is(err, meta.ErrNotFound) || err == nil && !found.value.usableBy(c.Account) {
		return Snapshot{}, noSnapshot(kind, name)
	}
	return found.value, err
}

func (s Snapshot) usableBy(account string) bool {
	if s.Owner == account {
		return s.State != Deleting
	}
	if s.State != Available {
		return false
	}
	for _, share := range s.Shares {
		if share == account {
			return true
		}
	}
	return s.Public
}

func noSnapshot(kind Kind, name string) error {
	if kind == Cluster {
		return refuse(SnapshotNotFound, kind, "DBClusterSnapshot not found: %s", name)
	}
	return refuse(SnapshotNotFound, kind, "DBSnapshot not found: %s", name)
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

// lockedSnapshot finds a snapshot of the caller and locks it.
func (s *Service) lockedSnapshot(ctx context.Context, c kms.Caller, kind Kind, name string) (Snapshot, func(), error) {
	snap, err := s.ownSnapshot(ctx, c, kind, name)
	if err != nil {
		return snap, nil, err
	}
	release, err := s.locks.acquire(ctx, snap.key())
	if err != nil {
		return snap, nil, err
	}
	if snap, err = s.ownSnapshot(ctx, c, kind, name); err != nil {
		release()
		return snap, nil, err
	}
	return snap, release, nil
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
	if err := gone(s.engine.DeleteVolume(ctx, snap.EngineID)); err != nil { // a copy that was not whole
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
	return c.commit(ctx, s.store)
}
