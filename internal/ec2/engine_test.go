package ec2_test

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"coffer.example/blockstore"
	"coffer.example/internal/ec2"
)

// storeEngine is an ec2.Engine over a real block store. It keeps the devices of attached volumes.
type storeEngine struct {
	store   *blockstore.Store
	mu      sync.Mutex
	devices map[string]*blockstore.Device // attached volumes, by id; guarded by mu
}

// engineOf returns the Engine over a store.
func engineOf(store *blockstore.Store) *storeEngine {
	return &storeEngine{store: store, devices: map[string]*blockstore.Device{}}
}

// Device returns the device of an attached volume, nil if it is not attached.
func (e *storeEngine) Device(volumeID string) *blockstore.Device {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.devices[volumeID]
}

func (e *storeEngine) CreateVolume(ctx context.Context, spec ec2.VolumeSpec) error {
	_, err := e.store.CreateVolume(ctx, blockstore.VolumeSpec{ID: spec.ID, Size: spec.SizeBytes, Key: spec.Key, Keys: spec.Keys})
	return err
}

func (e *storeEngine) RestoreVolume(ctx context.Context, snapshotID string, spec ec2.VolumeSpec) error {
	_, err := e.store.CloneSnapshot(ctx, snapshotID, blockstore.VolumeSpec{ID: spec.ID, Size: spec.SizeBytes, Key: spec.Key, Keys: spec.Keys})
	return err
}

func (e *storeEngine) DeleteVolume(ctx context.Context, volumeID string) error {
	return absentIsFine(e.store.DeleteVolume(ctx, volumeID))
}

func (e *storeEngine) Attach(ctx context.Context, volumeID string, keys blockstore.Keyring) error {
	if err := e.Detach(ctx, volumeID); err != nil {
		return err
	}
	device, err := e.store.AttachWith(ctx, volumeID, blockstore.AttachOptions{Keys: keys})
	if errors.Is(err, blockstore.ErrNotFound) {
		return fmt.Errorf("%w: %w", ec2.ErrNoObject, err)
	}
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.devices[volumeID] = device
	return nil
}

// error is the volume's, and its attachment ends all the same.
func (e *storeEngine) Detach(ctx context.Context, volumeID string) error {
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

func (e *storeEngine) CreateSnapshots(ctx context.Context, names map[string]string, keys blockstore.Keyring) error {
	var requests []blockstore.SnapshotRequest
	for volume, snapshot := range names {
		requests = append(requests, blockstore.SnapshotRequest{Volume: volume, ID: snapshot, Keys: keys})
	}
	_, err := e.store.CreateSnapshots(ctx, requests)
	return err
}

func (e *storeEngine) CopySnapshot(ctx context.Context, sourceID, snapshotID, key string, keys blockstore.Keyring) error {
	_, err := e.store.CopySnapshot(ctx, sourceID, blockstore.CopySpec{ID: snapshotID, Key: key, Keys: keys})
	return err
}

func (e *storeEngine) CopyProgress(_ context.Context, snapshotID string) (done, total int64, err error) {
	walk, finished, err := e.store.CopyStatus(snapshotID)
	switch {
	case errors.Is(err, blockstore.ErrNotFound):
		return 0, 0, fmt.Errorf("%w: %w", ec2.ErrNoObject, err)
	case err != nil:
		return 0, 0, err
	case finished:
		return walk.Total, walk.Total, nil
	}
	return min(walk.Done, walk.Total-1), walk.Total, nil
}

func (e *storeEngine) DeleteSnapshot(ctx context.Context, snapshotID string) error {
	return absentIsFine(e.store.DeleteSnapshot(ctx, snapshotID))
}

func (e *storeEngine) Volumes(context.Context) ([]string, error) {
	var out []string
	for _, v := range e.store.Volumes() {
		out = append(out, v.ID)
	}
	return out, nil
}

func (e *storeEngine) Snapshots(context.Context) ([]string, error) {
	var out []string
	for _, s := range e.store.Snapshots() {
		out = append(out, s.ID)
	}
	return out, nil
}

func absentIsFine(err error) error {
	if errors.Is(err, blockstore.ErrNotFound) {
		return nil
	}
	return err
}

func (e *storeEngine) ResizeVolume(ctx context.Context, volumeID string, sizeBytes int64, keys blockstore.Keyring) error {
	return e.store.GrowVolume(ctx, volumeID, sizeBytes, keys)
}
