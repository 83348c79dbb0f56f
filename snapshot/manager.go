package snapshot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"coffer.example/blockstore"
)

// ErrUnrelated says that two snapshots are not of one volume's history, so they cannot be compared.
var ErrUnrelated = errors.New("snapshot: snapshots are not related")

// Manager makes and restores the snapshots of one store. It is safe for concurrent use.
type Manager struct {
	store *blockstore.Store
}

// Open returns the manager of a store, which stays the caller's to close.
func Open(store *blockstore.Store) (*Manager, error) {
	if store == nil {
		return nil, fmt.Errorf("%w: no store", blockstore.ErrInvalid)
	}
	return &Manager{store: store}, nil
}

// Create takes a snapshot of a volume: everything written before the call is in it.
func (m *Manager) Create(ctx context.Context, volume string) (blockstore.Snapshot, error) {
	return m.store.CreateSnapshot(ctx, blockstore.SnapshotRequest{Volume: volume})
}

// CreateSet takes snapshots of several volumes at one instant.
func (m *Manager) CreateSet(ctx context.Context, volumes ...string) ([]blockstore.Snapshot, error) {
	requests := make([]blockstore.SnapshotRequest, len(volumes))
	for i, v := range volumes {
		requests[i].Volume = v
	}
	return m.store.CreateSnapshots(ctx, requests)
}

// Restore makes a volume that shows a snapshot. An empty spec.Key keeps a plain
// snapshot plain and an encrypted one under its own KMS key; the size defaults to the snapshot's.
func (m *Manager) Restore(ctx context.Context, snapshot string, spec blockstore.VolumeSpec) (blockstore.Volume, error) {
	if spec.Key == "" {
		sn, err := m.store.Snapshot(snapshot)
		if err != nil {
			return blockstore.Volume{}, err
		}
		spec.Key = sn.Key
	}
	return m.store.CloneSnapshot(ctx, snapshot, spec)
}

// copyPoll is how often Copy looks whether its copy is complete.
const copyPoll = 20 * time.Millisecond

// Copy copies a snapshot under a key (empty: the source's) and returns when the copy
// is complete. When a key refuses meanwhile or ctx ends first, the unfinished copy is deleted.
func (m *Manager) Copy(ctx context.Context, snapshot string, spec blockstore.CopySpec) (blockstore.Snapshot, error) {
	if spec.Key == "" {
		sn, err := m.store.Snapshot(snapshot)
		if err != nil {
			return blockstore.Snapshot{}, err
		}
		spec.Key = sn.Key
	}
	id, err := m.store.CopySnapshot(ctx, snapshot, spec)
	if err != nil {
		return blockstore.Snapshot{}, err
	}
	tick := time.NewTicker(copyPoll)
	defer tick.Stop()
	for {
		walk, done, err := m.store.CopyStatus(id)
		if err != nil {
			return blockstore.Snapshot{}, err
		}
		if done {
			return m.store.Snapshot(id)
		}
		var refused *blockstore.KeyError
		if errors.As(walk.Err, &refused) {
			return blockstore.Snapshot{}, errors.Join(walk.Err, m.store.DeleteSnapshot(context.WithoutCancel(ctx), id))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return blockstore.Snapshot{}, errors.Join(ctx.Err(), m.store.DeleteSnapshot(context.WithoutCancel(ctx), id))
		}
	}
}

// Delete deletes a snapshot. Volumes restored from it go on.
func (m *Manager) Delete(ctx context.Context, snapshot string) error {
	return m.store.DeleteSnapshot(ctx, snapshot)
}

// View opens a snapshot for reading; the caller closes it.
func (m *Manager) View(ctx context.Context, snapshot string) (*blockstore.View, error) {
	return m.store.OpenSnapshot(ctx, snapshot, nil)
}

// Diff calls fn, in order, for the ranges of newer that may differ from older, until it
// returns false. Both must be of one volume, older taken first, or newer of one that was
// restored from older's volume and still reads through it; an empty older stands for a volume of holes. Ranges are whole extents; bytes outside them are equal.
func (m *Manager) Diff(ctx context.Context, older, newer string, fn func(off, n int64) bool) error {
	err := m.store.ChangedExtents(ctx, blockstore.Changes{Older: older, Newer: newer}, func(extent uint64) bool {
		return fn(int64(extent)*blockstore.ExtentSize, blockstore.ExtentSize)
	})
	if errors.Is(err, blockstore.ErrInvalid) {
		return fmt.Errorf("%w: %s and %s", ErrUnrelated, older, newer)
	}
	return err
}
