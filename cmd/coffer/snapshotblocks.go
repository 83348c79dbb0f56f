package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"coffer.example/blockstore"
	"coffer.example/internal/ec2"
)

// snapshotBlocks writes and reads snapshots block by block. A snapshot in the making is a
// volume of its id, which is attached while it is written and goes when the snapshot exists.
type snapshotBlocks struct {
	store *blockstore.Store

	mu      sync.Mutex // guards writing
	writing map[string]*blockstore.Device
}

func newSnapshotBlocks(store *blockstore.Store) *snapshotBlocks {
	return &snapshotBlocks{store: store, writing: map[string]*blockstore.Device{}}
}

// BeginUpload implements ec2.BlockEngine.
func (b *snapshotBlocks) BeginUpload(ctx context.Context, parent string, s ec2.VolumeSpec) error {
	spec := blockstore.VolumeSpec{ID: s.ID, Size: s.SizeBytes, Key: s.Key, Keys: s.Keys}
	var err error
	if parent == "" {
		_, err = b.store.CreateVolume(ctx, spec)
	} else {
		_, err = b.store.CloneSnapshot(ctx, parent, spec)
	}
	if err != nil {
		return noObject(err)
	}
	device, err := b.store.AttachWith(ctx, s.ID, blockstore.AttachOptions{Keys: s.Keys})
	if err != nil {
		return errors.Join(err, gone(b.store.DeleteVolume(ctx, s.ID)))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.writing[s.ID] = device
	return nil
}

func (b *snapshotBlocks) device(snapshot string) (*blockstore.Device, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if device := b.writing[snapshot]; device != nil {
		return device, nil
	}
	return nil, fmt.Errorf("%w: upload of %s", ec2.ErrNoObject, snapshot)
}

// WriteBlock implements ec2.BlockEngine.
func (b *snapshotBlocks) WriteBlock(_ context.Context, snapshot string, index int64, data []byte) error {
	device, err := b.device(snapshot)
	if err != nil {
		return err
	}
	_, err = device.WriteAt(data, index*ec2.SnapshotBlockSize)
	return err
}

// ReadUploaded implements ec2.BlockEngine.
func (b *snapshotBlocks) ReadUploaded(_ context.Context, snapshot string, index int64, data []byte) error {
	device, err := b.device(snapshot)
	if err != nil {
		return err
	}
	_, err = device.ReadAt(data, index*ec2.SnapshotBlockSize)
	return err
}

// EndUpload implements ec2.BlockEngine.
func (b *snapshotBlocks) EndUpload(ctx context.Context, snapshot string) error {
	if _, err := b.device(snapshot); err != nil {
		return err
	}
	_, err := b.store.CreateSnapshot(ctx, blockstore.SnapshotRequest{Volume: snapshot, ID: snapshot})
	if err != nil && !errors.Is(err, blockstore.ErrExists) {
		return err
	}
	return b.AbortUpload(ctx, snapshot)
}

// AbortUpload implements ec2.BlockEngine: it deletes the volume that was written to.
func (b *snapshotBlocks) AbortUpload(ctx context.Context, snapshot string) error {
	b.mu.Lock()
	device := b.writing[snapshot]
	delete(b.writing, snapshot)
	b.mu.Unlock()
	if device != nil {
		if err := device.Detach(ctx); err != nil && !errors.Is(err, blockstore.ErrDetached) {
			return err
		}
	}
	return gone(b.store.DeleteVolume(ctx, snapshot))
}

// ReadBlock implements ec2.BlockEngine.
func (b *snapshotBlocks) ReadBlock(ctx context.Context, snapshot string, index int64, data []byte, keys blockstore.Keyring) error {
	view, err := b.store.OpenSnapshot(ctx, snapshot, keys)
	if err != nil {
		return noObject(err)
	}
	_, err = view.ReadAt(data, index*ec2.SnapshotBlockSize)
	return errors.Join(err, view.Close())
}

// ChangedBlocks implements ec2.BlockEngine.
func (b *snapshotBlocks) ChangedBlocks(ctx context.Context, older, newer string, fn func(index int64) bool) error {
	last := int64(-1)
	err := b.store.ChangedExtents(ctx, older, newer, func(extent uint64) bool {
		index := int64(extent) * blockstore.ExtentSize / ec2.SnapshotBlockSize
		if index == last {
			return true
		}
		last = index
		return fn(index)
	})
	if errors.Is(err, blockstore.ErrInvalid) {
		return fmt.Errorf("%w: %w", ec2.ErrUnrelatedObjects, err)
	}
	return noObject(err)
}
