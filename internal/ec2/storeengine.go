package ec2

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"coffer.example/blockstore"
)

// StoreEngine is the Engine and the BlockEngine over a block store. It keeps the devices
// of attached volumes and of uploads.
type StoreEngine struct {
	store *blockstore.Store

	mu       sync.Mutex
	attached map[string]*blockstore.Device // by volume id; guarded by mu
	writing  map[string]*blockstore.Device // by snapshot id; guarded by mu
}

// NewStoreEngine returns the engine over a store. Close it before the store.
func NewStoreEngine(store *blockstore.Store) *StoreEngine {
	return &StoreEngine{store: store, attached: map[string]*blockstore.Device{}, writing: map[string]*blockstore.Device{}}
}

// Close detaches every device: what was attached stays recorded as attached, and what
// was being uploaded can be resumed.
func (e *StoreEngine) Close() error {
	e.mu.Lock()
	all := []map[string]*blockstore.Device{e.attached, e.writing}
	e.attached, e.writing = map[string]*blockstore.Device{}, map[string]*blockstore.Device{}
	e.mu.Unlock()
	var failed error
	for _, devices := range all {
		for id, device := range devices {
			if err := device.Detach(context.Background()); err != nil {
				failed = errors.Join(failed, fmt.Errorf("ec2: detach %s: %w", id, err))
			}
		}
	}
	return failed
}

// Device returns the device of an attached volume, nil if it is not attached.
func (e *StoreEngine) Device(volumeID string) *blockstore.Device {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.attached[volumeID]
}

func storeSpec(s VolumeSpec) blockstore.VolumeSpec {
	return blockstore.VolumeSpec{ID: s.ID, Size: s.SizeBytes, Key: s.Key, Keys: s.Keys}
}

// CreateVolume implements Engine.
func (e *StoreEngine) CreateVolume(ctx context.Context, s VolumeSpec) error {
	_, err := e.store.CreateVolume(ctx, storeSpec(s))
	return err
}

// RestoreVolume implements Engine.
func (e *StoreEngine) RestoreVolume(ctx context.Context, snapshotID string, s VolumeSpec) error {
	_, err := e.store.CloneSnapshot(ctx, snapshotID, storeSpec(s))
	return noObject(err)
}

// ResizeVolume implements Engine.
func (e *StoreEngine) ResizeVolume(ctx context.Context, volumeID string, size int64, keys blockstore.Keyring) error {
	return noObject(e.store.GrowVolume(ctx, volumeID, size, keys))
}

// DeleteVolume implements Engine.
func (e *StoreEngine) DeleteVolume(ctx context.Context, volumeID string) error {
	return absentIsFine(e.store.DeleteVolume(ctx, volumeID))
}

// Attach implements Engine.
func (e *StoreEngine) Attach(ctx context.Context, volumeID string, keys blockstore.Keyring) error {
	if err := e.Detach(ctx, volumeID); err != nil {
		return err
	}
	device, err := e.store.AttachWith(ctx, volumeID, blockstore.AttachOptions{Keys: keys})
	if err != nil {
		return noObject(err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.attached[volumeID] = device
	return nil
}

// Detach implements Engine.
func (e *StoreEngine) Detach(ctx context.Context, volumeID string) error {
	e.mu.Lock()
	device := e.attached[volumeID]
	delete(e.attached, volumeID)
	e.mu.Unlock()
	err := detach(ctx, device)
	if errors.Is(err, blockstore.ErrFailed) {
		return nil // it is detached; what it lost, its clients' writes and flushes were told
	}
	return err
}

// detach ends the attachment of a device, if there is one.
func detach(ctx context.Context, device *blockstore.Device) error {
	if device == nil {
		return nil
	}
	if err := device.Detach(ctx); err != nil && !errors.Is(err, blockstore.ErrDetached) {
		return fmt.Errorf("ec2: detach %s: %w", device.ID(), err)
	}
	return nil
}

// Failed implements Health.
func (e *StoreEngine) Failed(volumeID string) error {
	v, err := e.store.Volume(volumeID)
	if err != nil {
		return nil // a volume that is missing is said elsewhere
	}
	return v.Err
}

// CreateSnapshots implements Engine.
func (e *StoreEngine) CreateSnapshots(ctx context.Context, snapshots map[string]string, keys blockstore.Keyring) error {
	var requests []blockstore.SnapshotRequest
	for volume, id := range snapshots {
		requests = append(requests, blockstore.SnapshotRequest{Volume: volume, ID: id, Keys: keys})
	}
	_, err := e.store.CreateSnapshots(ctx, requests)
	return noObject(err)
}

// CopySnapshot implements Engine.
func (e *StoreEngine) CopySnapshot(ctx context.Context, sourceID, snapshotID, key string, keys blockstore.Keyring) error {
	_, err := e.store.CopySnapshot(ctx, sourceID, blockstore.CopySpec{ID: snapshotID, Key: key, Keys: keys})
	return noObject(err)
}

// CopyProgress implements Engine. A key that refuses ends a copy, and so does a source
// that cannot be read; whatever may pass, such as a full disk, only delays it.
func (e *StoreEngine) CopyProgress(_ context.Context, snapshotID string) (done, total int64, err error) {
	walk, finished, err := e.store.CopyStatus(snapshotID)
	var refused *blockstore.KeyError
	switch {
	case err != nil:
		return 0, 0, noObject(err)
	case finished:
		return walk.Total, walk.Total, nil
	case errors.As(walk.Err, &refused), errors.Is(walk.Err, blockstore.ErrCorrupt):
		return 0, walk.Total, walk.Err
	}
	return min(walk.Done, walk.Total-1), walk.Total, nil // the last step makes it a snapshot
}

// DeleteSnapshot implements Engine. A copy in progress is a volume still.
func (e *StoreEngine) DeleteSnapshot(ctx context.Context, snapshotID string) error {
	return absentIsFine(e.store.DeleteSnapshot(ctx, snapshotID))
}

// Volumes implements Engine.
func (e *StoreEngine) Volumes(context.Context) ([]string, error) {
	return e.volumes(volumePrefix), nil
}

// volumes lists the store's volumes whose id has a prefix: those of uploads are named as
// their snapshots will be.
func (e *StoreEngine) volumes(prefix string) []string {
	var ids []string
	for _, v := range e.store.Volumes() {
		if strings.HasPrefix(v.ID, prefix) {
			ids = append(ids, v.ID)
		}
	}
	return ids
}

// Snapshots implements Engine.
func (e *StoreEngine) Snapshots(context.Context) ([]string, error) {
	var ids []string
	for _, s := range e.store.Snapshots() {
		ids = append(ids, s.ID)
	}
	return ids, nil
}

// noObject gives the engine's own name to what the store does not have.
func noObject(err error) error {
	if errors.Is(err, blockstore.ErrNotFound) {
		return fmt.Errorf("%w: %w", ErrNoObject, err)
	}
	return err
}

// absentIsFine is the outcome of deleting what may be gone already.
func absentIsFine(err error) error {
	if errors.Is(err, blockstore.ErrNotFound) {
		return nil
	}
	return err
}
