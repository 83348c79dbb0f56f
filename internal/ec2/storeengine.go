package ec2

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"coffer.example/blockstore"
)

// StoreEngine is the Engine over a block store. It keeps the devices of attached volumes.
type StoreEngine struct {
	store   *blockstore.Store
	mu      sync.Mutex
	devices map[string]*blockstore.Device // attached volumes, by id; guarded by mu
}

// EngineOf returns the Engine over a store.
func EngineOf(store *blockstore.Store) *StoreEngine {
	return &StoreEngine{store: store, devices: map[string]*blockstore.Device{}}
}

// Device returns the device of an attached volume, nil if it is not attached.
func (e *StoreEngine) Device(volumeID string) *blockstore.Device {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.devices[volumeID]
}

// CreateVolume implements Engine.
func (e *StoreEngine) CreateVolume(ctx context.Context, spec VolumeSpec) error {
	_, err := e.store.CreateVolume(ctx, blockstore.VolumeSpec{ID: spec.ID, Size: spec.SizeBytes, Key: spec.Key, Keys: spec.Keys})
	return err
}

// RestoreVolume implements Engine.
func (e *StoreEngine) RestoreVolume(ctx context.Context, snapshotID string, spec VolumeSpec) error {
	_, err := e.store.CloneSnapshot(ctx, snapshotID, blockstore.VolumeSpec{ID: spec.ID, Size: spec.SizeBytes, Key: spec.Key, Keys: spec.Keys})
	return err
}

// DeleteVolume implements Engine.
func (e *StoreEngine) DeleteVolume(ctx context.Context, volumeID string) error {
	return absentIsFine(e.store.DeleteVolume(ctx, volumeID))
}

// Attach implements Engine. A device that was left open is closed first.
func (e *StoreEngine) Attach(ctx context.Context, volumeID string, keys blockstore.Keyring) error {
	if err := e.Detach(ctx, volumeID); err != nil {
		return err
	}
	device, err := e.store.AttachWith(ctx, volumeID, blockstore.AttachOptions{Keys: keys})
	if errors.Is(err, blockstore.ErrNotFound) {
		return fmt.Errorf("%w: %w", ErrNoObject, err)
	}
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.devices[volumeID] = device
	return nil
}

// Detach implements Engine. The device is gone also when its last flush fails: the
// error is the volume's, and its attachment ends all the same.
func (e *StoreEngine) Detach(ctx context.Context, volumeID string) error {
	e.mu.Lock()
	device := e.devices[volumeID]
	delete(e.devices, volumeID)
	e.mu.Unlock()
	if device == nil {
		return nil
	}
	if err := device.Detach(ctx); err != nil && !errors.Is(err, blockstore.ErrDetached) {
		return fmt.Errorf("ec2: detach %s: %w", volumeID, err)
	}
	return nil
}

// CreateSnapshots implements Engine.
func (e *StoreEngine) CreateSnapshots(ctx context.Context, names map[string]string, keys blockstore.Keyring) error {
	var requests []blockstore.SnapshotRequest
	for volume, snapshot := range names {
		requests = append(requests, blockstore.SnapshotRequest{Volume: volume, ID: snapshot, Keys: keys})
	}
	_, err := e.store.CreateSnapshots(ctx, requests)
	return err
}

// CopySnapshot implements Engine.
func (e *StoreEngine) CopySnapshot(ctx context.Context, sourceID, snapshotID, key string, keys blockstore.Keyring) error {
	_, err := e.store.CopySnapshot(ctx, sourceID, blockstore.CopySpec{ID: snapshotID, Key: key, Keys: keys})
	return err
}

// CopyProgress implements Engine. A copy that pauses, because its key refuses or for
// want of space, has failed.
func (e *StoreEngine) CopyProgress(_ context.Context, snapshotID string) (done, total int64, err error) {
	walk, finished, err := e.store.CopyStatus(snapshotID)
	switch {
	case errors.Is(err, blockstore.ErrNotFound):
		return 0, 0, fmt.Errorf("%w: %w", ErrNoObject, err)
	case err != nil:
		return 0, 0, err
	case finished:
		return walk.Total, walk.Total, nil
	}
	return min(walk.Done, walk.Total-1), walk.Total, walk.Err
}

// DeleteSnapshot implements Engine.
func (e *StoreEngine) DeleteSnapshot(ctx context.Context, snapshotID string) error {
	return absentIsFine(e.store.DeleteSnapshot(ctx, snapshotID))
}

// Volumes implements Engine.
func (e *StoreEngine) Volumes(context.Context) ([]string, error) {
	var out []string
	for _, v := range e.store.Volumes() {
		out = append(out, v.ID)
	}
	return out, nil
}

// Snapshots implements Engine: copies in progress are among them.
func (e *StoreEngine) Snapshots(context.Context) ([]string, error) {
	var out []string
	for _, s := range e.store.Snapshots() {
		out = append(out, s.ID)
	}
	for _, walk := range e.store.Walks() {
		out = append(out, walk.ID)
	}
	return out, nil
}

func absentIsFine(err error) error {
	if errors.Is(err, blockstore.ErrNotFound) {
		return nil
	}
	return err
}

// ResizeVolume implements Engine.
func (e *StoreEngine) ResizeVolume(ctx context.Context, volumeID string, sizeBytes int64, keys blockstore.Keyring) error {
	return e.store.GrowVolume(ctx, volumeID, sizeBytes, keys)
}
