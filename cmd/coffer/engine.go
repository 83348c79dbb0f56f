package main

import (
	"context"
	"errors"
	"fmt"

	"coffer.example/blockstore"
	"coffer.example/internal/ec2"
)

// engine is the volume engine as ec2 asks for it. Devices that it attaches wait in
// attachments to be published.
type engine struct {
	store    *blockstore.Store
	attached *attachments
}

func (e *engine) spec(s ec2.VolumeSpec) blockstore.VolumeSpec {
	return blockstore.VolumeSpec{ID: s.ID, Size: s.SizeBytes, Key: s.Key, Keys: s.Keys}
}

func (e *engine) CreateVolume(ctx context.Context, s ec2.VolumeSpec) error {
	_, err := e.store.CreateVolume(ctx, e.spec(s))
	return err
}

func (e *engine) RestoreVolume(ctx context.Context, snapshot string, s ec2.VolumeSpec) error {
	_, err := e.store.CloneSnapshot(ctx, snapshot, e.spec(s))
	return noObject(err)
}

func (e *engine) ResizeVolume(ctx context.Context, volume string, size int64, keys blockstore.Keyring) error {
	return noObject(e.store.GrowVolume(ctx, volume, size, keys))
}

func (e *engine) DeleteVolume(ctx context.Context, volume string) error {
	return gone(e.store.DeleteVolume(ctx, volume))
}

func (e *engine) Attach(ctx context.Context, volume string, keys blockstore.Keyring) error {
	device, err := e.store.AttachWith(ctx, volume, blockstore.AttachOptions{Keys: keys})
	if err != nil {
		return noObject(err)
	}
	e.attached.add(volume, device)
	return nil
}

func (e *engine) Detach(ctx context.Context, volume string) error {
	device := e.attached.remove(volume)
	if device == nil {
		return nil
	}
	return device.Detach(ctx)
}

func (e *engine) CreateSnapshots(ctx context.Context, snapshots map[string]string, keys blockstore.Keyring) error {
	var requests []blockstore.SnapshotRequest
	for volume, id := range snapshots {
		requests = append(requests, blockstore.SnapshotRequest{Volume: volume, ID: id, Keys: keys})
	}
	_, err := e.store.CreateSnapshots(ctx, requests)
	return noObject(err)
}

func (e *engine) CopySnapshot(ctx context.Context, source, id, key string, keys blockstore.Keyring) error {
	_, err := e.store.CopySnapshot(ctx, source, blockstore.CopySpec{ID: id, Key: key, Keys: keys})
	return noObject(err)
}

// CopyProgress implements ec2.Engine. A copy whose key refuses is paused, not failed:
// it goes on when the key works again.
func (e *engine) CopyProgress(_ context.Context, id string) (done, total int64, err error) {
	walk, finished, err := e.store.CopyStatus(id)
	switch {
	case err != nil:
		return 0, 0, noObject(err)
	case finished:
		return walk.Total, walk.Total, nil
	}
	return min(walk.Done, walk.Total-1), walk.Total, nil // the last step makes it a snapshot
}

func (e *engine) DeleteSnapshot(ctx context.Context, id string) error {
	return gone(e.store.DeleteSnapshot(ctx, id))
}

func (e *engine) Volumes(context.Context) ([]string, error) {
	var ids []string
	for _, v := range e.store.Volumes() {
		ids = append(ids, v.ID)
	}
	return ids, nil
}

func (e *engine) Snapshots(context.Context) ([]string, error) {
	var ids []string
	for _, s := range e.store.Snapshots() {
		ids = append(ids, s.ID)
	}
	return ids, nil
}

// noObject gives ec2 its own name for what the engine does not have.
func noObject(err error) error {
	if errors.Is(err, blockstore.ErrNotFound) {
		return fmt.Errorf("%w: %w", ec2.ErrNoObject, err)
	}
	return err
}

// gone is the outcome of deleting what may be gone already.
func gone(err error) error {
	if errors.Is(err, blockstore.ErrNotFound) {
		return nil
	}
	return err
}
