package ec2

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"coffer.example/internal/meta"
	"coffer.example/internal/meta/records"
	"coffer.example/kms"
)

// DeleteSnapshot deletes a snapshot that no image uses.
func (s *Service) DeleteSnapshot(ctx context.Context, caller kms.Caller, id string, dryRun bool) error {
	if err := kindSnapshot().check(id); err != nil {
		return err
	}
	release, err := s.locks.Acquire(ctx, id)
	if err != nil {
		return err
	}
	defer release()
	snap, err := owned[Snapshot](ctx, s, kindSnapshot(), caller, id)
	if err == nil && snap.Value.State == SnapshotDeleting {
		err = kindSnapshot().missing(id)
	}
	if err != nil {
		return err
	}
	image, err := s.imageUsing(ctx, snap.Value)
	if err != nil {
		return err
	}
	if image != "" {
		return refuse(SnapshotInUse, "The snapshot %s is currently in use by %s", id, image)
	}
	if dryRun {
		return errDryRun()
	}
	return s.removeSnapshot(settled(ctx), snap.Value)
}

// imageUsing returns an image that uses a snapshot, empty if there is none.
func (s *Service) imageUsing(ctx context.Context, snap Snapshot) (string, error) {
	image := ""
	err := s.store.Scan(ctx, imageUsePrefix(snap.Region, snap.ID), "", 1, func(key string, _ []byte, _ uint64) error {
		image = lastPart(key)
		return nil
	})
	return image, err
}

// removeSnapshot takes a snapshot, whose lock the caller holds, out of the catalogue and the engine.
func (s *Service) removeSnapshot(ctx context.Context, snap Snapshot) error {
	if snap.State != SnapshotDeleting {
		var err error
		if snap, err = edit(ctx, s, snap, func(snap *Snapshot) { snap.State = SnapshotDeleting }); err != nil {
			return err
		}
	}
	if snap.Upload != nil {
		if err := s.dropUpload(ctx, snap.ID); err != nil {
			return err
		}
	}
	if err := s.engine.DeleteSnapshot(ctx, snap.ID); err != nil {
		return fmt.Errorf("ec2: delete %s: %w", snap.ID, err)
	}
	for some := range slices.Chunk(snap.grantees(), commitResources) { // first, so that the record still names what is left
		c := newChange()
		for _, account := range some {
			c.clear(sharedKey(kindSnapshot(), snap.Region, account, snap.ID))
		}
		if err := c.Commit(ctx, s.store); err != nil {
			return err
		}
	}
	return newChange().drop(snap).clear(ownerKey(snap.ID)).Commit(ctx, s.store)
}

// grantees are the accounts, or everyone, that the snapshot is shared with.
func (v Snapshot) grantees() []string {
	if v.Public {
		return append([]string{everyone}, v.Shares...)
	}
	return v.Shares
}

// findSnapshot finds a snapshot that the caller may use: an own one, one shared with
// its account, or a public one.
func (s *Service) findSnapshot(ctx context.Context, caller kms.Caller, id string) (Snapshot, error) {
	out, err := findShared[Snapshot](ctx, s, kindSnapshot(), caller, id)
	if err != nil {
		return out, err
	}
	onlyPublic := out.Owner != caller.Account && !slices.Contains(out.Shares, caller.Account)
	hidden := false
	if onlyPublic {
		hidden, err = s.hidden(ctx, out.Region, out.Owner)
	}
	if err == nil && (hidden || out.State == SnapshotDeleting) {
		err = kindSnapshot().missing(id)
	}
	if err != nil {
		return out, err
	}
	return s.refreshed(ctx, out)
}

// usableSnapshot finds a snapshot that something can be made from.
func (s *Service) usableSnapshot(ctx context.Context, caller kms.Caller, id string) (Snapshot, error) {
	snap, err := s.findSnapshot(ctx, caller, id)
	if err == nil && snap.State != SnapshotCompleted {
		err = refuse(IncorrectState, "Snapshot '%s' is not 'completed'.", id)
	}
	return snap, err
}

// findShared finds a resource by its id that is the caller's own, shared with it, or public.
func findShared[T any](ctx context.Context, s *Service, k kind, caller kms.Caller, id string) (T, error) {
	out, err := owned[T](ctx, s, k, caller, id)
	if err == nil || !HasReason(err, k.notFound) {
		return out.Value, err
	}
	for _, account := range []string{caller.Account, everyone} {
		owner, err := records.Get[string](ctx, s.store, sharedKey(k, caller.Region, account, id))
		if errors.Is(err, meta.ErrNotFound) {
			continue
		}
		if err != nil {
			return out.Value, err
		}
		shared, err := records.Get[T](ctx, s.store, resourceKey(k, caller.Region, owner.Value, id))
		if errors.Is(err, meta.ErrNotFound) {
			break
		}
		return shared.Value, err
	}
	return out.Value, k.missing(id)
}
