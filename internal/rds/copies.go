package rds

import (
	"context"
	"errors"
	"fmt"

	"coffer.example/blockstore"
	"coffer.example/internal/meta/records"
	"coffer.example/kms"
)

// CopyRequest asks for a copy of a snapshot in the caller's Region.
type CopyRequest struct {
	Kind           Kind
	Source, Target string // Source is an ARN if it is another account's or another Region's
	KeyID          string
	CopyTags       bool
	Tags           Tags
}

// CopySnapshot starts a copy: under the source's key it is there at once, under another one
// it is copying until its last block is.
func (s *Service) CopySnapshot(ctx context.Context, c kms.Caller, r CopyRequest) (Snapshot, error) {
	name, err := checkName("Target"+snapshotIdentifier(r.Kind), r.Target, maxSnapshotName)
	if err == nil {
		err = checkTags(r.Tags)
	}
	if err != nil {
		return Snapshot{}, err
	}
	source, err := s.findSnapshot(ctx, c, r.Kind, r.Source)
	if err != nil {
		return Snapshot{}, err
	}
	if source.State != Available {
		return Snapshot{}, refuse(SnapshotState, r.Kind, "The source snapshot %s is not in available state.", source.Name)
	}
	under, err := s.copyKey(ctx, c, source, r.KeyID)
	if err != nil {
		return Snapshot{}, err
	}
	snap := source
	snap.Name, snap.Owner, snap.Region, snap.Type, snap.SourceARN = name, c.Account, c.Region, manual, source.ARN()
	snap.KeyARN, snap.ManagedKey, snap.Created, snap.State = under.arn, under.managed, s.now(), SnapshotCopying
	snap.Shares, snap.Public, snap.Loans, snap.Done, snap.Total, snap.Tags = nil, false, nil, 0, 0, r.Tags
	if r.CopyTags && len(r.Tags) == 0 {
		snap.Tags = source.Tags
	}
	if snap.EngineID, err = s.newEngineID("snap-"); err != nil {
		return snap, err
	}
	if under.arn != "" {
		snap.Loans = append(snap.Loans, Loan{KeyARN: under.arn})
	}
	if source.KeyARN != "" && source.KeyARN != under.arn {
		snap.Loans = append(snap.Loans, Loan{KeyARN: source.KeyARN})
	}
	return s.beginCopy(ctx, c, source, snap)
}

// copyKey decides under which key a copy is to be.
func (s *Service) copyKey(ctx context.Context, c kms.Caller, source Snapshot, keyID string) (key, error) {
	switch {
	case keyID != "":
		return s.resolveKey(ctx, c, keyID)
	case source.KeyARN == "":
		return key{}, nil
	case source.Owner != c.Account:
		return key{}, refuse(ParameterCombination, source.Kind, "KmsKeyId is mandatory to copy an encrypted snapshot that another account shares.")
	case regionOf(source.KeyARN) != c.Region:
		return key{}, refuse(ParameterCombination, source.Kind, "KmsKeyId, a key of the destination Region, is mandatory to copy an encrypted snapshot from another Region.")
	}
	under, err := s.resolveKey(ctx, c, source.KeyARN)
	if HasReason(err, KeyNotAccessible) {
		return key{}, notAccessible("The source snapshot", source.KeyARN, errors.Unwrap(err))
	}
	return under, err
}

func (s *Service) beginCopy(ctx context.Context, c kms.Caller, source, snap Snapshot) (Snapshot, error) {
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
	ctx = settled(ctx)
	if err := s.startCopy(ctx, c, source, &snap); err != nil {
		return snap, errors.Join(err, s.removeSnapshot(ctx, snap))
	}
	kept, err := edit(ctx, s, snap, func(now *Snapshot) { now.Loans = snap.Loans })
	if err != nil {
		return snap, err
	}
	_, err = s.refresh(ctx, kept)
	return kept, err
}

// startCopy makes the grants of a copy as the caller, and has the engine copy as the copy's role.
func (s *Service) startCopy(ctx context.Context, c kms.Caller, source Snapshot, snap *Snapshot) error {
	for i, loan := range snap.Loans {
		which, purpose, uses := "Specified", "copy", ownUses()
		if loan.KeyARN != snap.KeyARN {
			which, purpose, uses = "The source snapshot", "source", sourceUses()
		}
		id, err := s.lend(ctx, c, loan.KeyARN, snap.EngineID, source.DatabaseID, purpose, uses)
		if err != nil {
			return notAccessible(which, loan.KeyARN, err)
		}
		snap.Loans[i].GrantID = id
	}
	_, err := s.engine.CopySnapshot(ctx, source.EngineID, blockstore.CopySpec{
		ID: snap.EngineID, Key: snap.KeyARN, Context: volumeContext(source.DatabaseID, snap.EngineID),
		Keys: s.keyring(role(snap.Region, snap.Owner, snap.EngineID), snap.KeyARN),
	})
	if errors.Is(err, blockstore.ErrNotFound) {
		return noSnapshot(source.Kind, source.Name)
	}
	return notAccessible("The source snapshot", source.KeyARN, err)
}

// refreshed brings a snapshot's record up to the engine's progress.
func (s *Service) refreshed(ctx context.Context, snap Snapshot) (Snapshot, error) {
	if snap.State != SnapshotCopying {
		return snap, nil
	}
	release, err := s.locks.Acquire(ctx, snap.key())
	if err != nil {
		return snap, err
	}
	defer release()
	now, err := records.Get[Snapshot](ctx, s.store, snap.key())
	if err != nil || now.Value.EngineID != snap.EngineID || now.Value.State != SnapshotCopying {
		return now.Value, err
	}
	return s.refresh(settled(ctx), now.Value)
}

// refresh is refreshed with the lock held. The grants of a copy go when it is done.
func (s *Service) refresh(ctx context.Context, snap Snapshot) (Snapshot, error) {
	walk, done, err := s.engine.CopyStatus(snap.EngineID)
	state := SnapshotCopying
	switch {
	case errors.Is(err, blockstore.ErrNotFound):
		state = SnapshotFailed
	case err != nil:
		return snap, fmt.Errorf("rds: copy %s: %w", snap.ARN(), err)
	case done:
		state = Available
	default:
		snap.Done, snap.Total = walk.Done, walk.Total // known by asking, not kept
		return snap, nil
	}
	for _, loan := range snap.Loans {
		if err := s.giveBack(ctx, snap.Owner, snap.EngineID, loan); err != nil {
			return snap, err
		}
	}
	return edit(ctx, s, snap, func(snap *Snapshot) { snap.State, snap.Loans = state, nil })
}
