package ec2

import (
	"context"
	"errors"
	"fmt"

	"coffer.example/internal/meta"
	"coffer.example/internal/meta/records"
	"coffer.example/kms"
	"coffer.example/snapshot"
)

// CopySnapshotRequest is CopySnapshot's request; the caller's Region is the destination.
type CopySnapshotRequest struct {
	SourceRegion, SourceID string
	Description            string
	Encrypted              snapshot.Flag
	KeyID                  string
	Tags                   Tags
	DryRun                 bool
}

// CopySnapshot starts a copy of a snapshot. A key that cannot be used shows later, as
// the copy's state error.
func (s *Service) CopySnapshot(ctx context.Context, caller kms.Caller, r CopySnapshotRequest) (Snapshot, error) {
	if err := checkTexts(r.Description, r.Tags); err != nil {
		return Snapshot{}, err
	}
	release, source, err := s.lockSource(ctx, caller, r.SourceRegion, r.SourceID)
	if err != nil {
		return Snapshot{}, err
	}
	defer release()
	key, err := s.decide(ctx, caller, snapshot.Request{Operation: snapshot.CopySnapshot, Source: sourceOf(&source, caller), Encrypted: r.Encrypted}, r.KeyID, &source)
	if err != nil {
		return Snapshot{}, err
	}
	if err := s.checkCopies(ctx, caller); err != nil {
		return Snapshot{}, err
	}
	if r.DryRun {
		return Snapshot{}, errDryRun()
	}
	snap, err := s.copyOf(caller, source, key, r.Description, r.Tags)
	if err != nil {
		return Snapshot{}, err
	}
	if err := newChange().keep(snap, 0).write(ownerKey(snap.ID), snap.Owner).Commit(ctx, s.store); err != nil {
		return Snapshot{}, s.raced(err)
	}
	return snap, s.startCopy(settled(ctx), caller, snap, key)
}

// lockSource finds a snapshot in a Region and keeps it from being deleted until release.
func (s *Service) lockSource(ctx context.Context, caller kms.Caller, region, id string) (release func(), source Snapshot, err error) {
	if region == "" {
		region = caller.Region
	}
	if !KnownRegion(region) {
		return nil, source, refuse(InvalidParameter, "Value (%s) for parameter sourceRegion is invalid. Unknown Region.", region)
	}
	if err := kindSnapshot().check(id); err != nil {
		return nil, source, err
	}
	if release, err = s.locks.Acquire(ctx, id); err != nil {
		return nil, source, err
	}
	there := caller
	there.Region = region
	if source, err = s.usableSnapshot(ctx, there, id); err != nil {
		release()
		return nil, source, err
	}
	return release, source, nil
}

// checkCopies refuses a copy beyond the limit on those in progress.
func (s *Service) checkCopies(ctx context.Context, caller kms.Caller) error {
	pending, err := collect[ref](ctx, s.store, unsettledPrefix(kindSnapshot(), caller.Region, caller.Account))
	if err != nil {
		return err
	}
	copying := 0
	for _, at := range pending {
		snap, err := records.Get[Snapshot](ctx, s.store, at.Value.key(kindSnapshot()))
		if errors.Is(err, meta.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if snap.Value.SourceID == "" {
			continue
		}
		now, err := s.refreshed(ctx, snap.Value)
		if err != nil {
			return err
		}
		if now.State == SnapshotPending {
			copying++
		}
	}
	if copying >= maxPendingCopies {
		return refuse(ConcurrentCopies, "You have exceeded the number of in-progress snapshot copies allowed: %d.", maxPendingCopies)
	}
	return nil
}

// copyOf is the record of a copy under key.
func (s *Service) copyOf(caller kms.Caller, source Snapshot, key key, description string, tags Tags) (Snapshot, error) {
	id, err := newID(s.opts.Rand, snapshotPrefix)
	if err != nil {
		return Snapshot{}, err
	}
	snap := Snapshot{
		ID: id, Owner: caller.Account, Region: caller.Region, VolumeID: copiedVolumeID, SourceID: source.ID,
		SizeGiB: source.SizeGiB, Encrypted: key.arn != "", KeyARN: key.arn, ManagedKey: key.managed,
		Description: description, Tags: tags, State: SnapshotPending, Started: s.now(),
	}
	switch {
	case !snap.Encrypted:
	case snap.KeyARN == source.KeyARN:
		snap.DataKeyID = source.DataKeyID
	default:
		snap.DataKeyID, err = newUUID(s.opts.Rand)
	}
	return snap, err
}

// startCopy has the engine begin a copy whose record is pending. A refusal is the
// copy's state error; the error returned is only about records.
func (s *Service) startCopy(ctx context.Context, caller kms.Caller, snap Snapshot, key key) error {
	failure := key.failure
	if failure == nil {
		failure = s.engine.CopySnapshot(ctx, snap.SourceID, snap.ID, snap.KeyARN, s.keyring(caller))
		if failure != nil {
			s.discard(snap.ID, s.engine.DeleteSnapshot(ctx, snap.ID))
		}
	}
	if failure != nil {
		_, err := edit(ctx, s, snap, failCopy(failure))
		return err
	}
	_, err := s.refreshed(ctx, snap)
	return err
}

func failCopy(failure error) func(*Snapshot) {
	return func(snap *Snapshot) { snap.State, snap.StateMessage = SnapshotError, keyMessage(failure) }
}

// refreshed returns a snapshot as it is now: a copy in progress is looked up, and its
// end recorded.
func (s *Service) refreshed(ctx context.Context, snap Snapshot) (Snapshot, error) {
	if snap.State != SnapshotPending || snap.SourceID == "" {
		return snap, nil
	}
	done, total, failure := s.engine.CopyProgress(ctx, snap.ID)
	switch {
	case errors.Is(failure, ErrNoObject):
		return snap, nil // not begun yet
	case failure == nil && done < total:
		snap.Done, snap.Total = done, total
		return snap, nil
	}
	_, at := snap.at()
	now, err := records.Get[Snapshot](ctx, s.store, at.key(kindSnapshot()))
	if err != nil || now.Value.State != SnapshotPending {
		return now.Value, err
	}
	if failure != nil {
		failCopy(failure)(&now.Value)
	} else {
		now.Value.State, now.Value.Completed = SnapshotCompleted, s.now()
	}
	err = newChange().keep(now.Value, now.Revision).Commit(ctx, s.store)
	if failure != nil && err == nil {
		s.discard(snap.ID, s.engine.DeleteSnapshot(ctx, snap.ID))
	}
	if errors.Is(err, meta.ErrConflict) { // somebody else recorded it
		now, err = records.Get[Snapshot](ctx, s.store, at.key(kindSnapshot()))
	}
	if err != nil {
		return now.Value, fmt.Errorf("ec2: record the end of copy %s: %w", snap.ID, err)
	}
	return now.Value, nil
}
