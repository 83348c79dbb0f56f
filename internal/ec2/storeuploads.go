package ec2

import (
	"context"
	"errors"
	"fmt"

	"coffer.example/blockstore"
)

// An upload is a volume named as its snapshot will be, attached while it is written. It
// goes when the snapshot exists.

// BeginUpload implements BlockEngine.
func (e *StoreEngine) BeginUpload(ctx context.Context, parentID string, s VolumeSpec) error {
	var err error
	if parentID == "" {
		_, err = e.store.CreateVolume(ctx, storeSpec(s))
	} else {
		_, err = e.store.CloneSnapshot(ctx, parentID, storeSpec(s))
	}
	if err != nil {
		return noObject(err)
	}
	if _, err := e.openUpload(ctx, s.ID, s.Keys); err != nil {
		return errors.Join(err, absentIsFine(e.store.DeleteVolume(ctx, s.ID)))
	}
	return nil
}

func (e *StoreEngine) openUpload(ctx context.Context, id string, keys blockstore.Keyring) (*blockstore.Device, error) {
	device, err := e.store.AttachWith(ctx, id, blockstore.AttachOptions{Keys: keys})
	if err != nil {
		return nil, noObject(err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.writing[id] = device
	return device, nil
}

// ResumeUpload implements BlockEngine.
func (e *StoreEngine) ResumeUpload(ctx context.Context, snapshotID string, keys blockstore.Keyring, written func(index int64)) error {
	device, err := e.openUpload(ctx, snapshotID, keys)
	if err != nil {
		return err
	}
	if err := device.Written(ctx, SnapshotBlockSize, func(index int64) bool { written(index); return true }); err != nil {
		e.mu.Lock()
		delete(e.writing, snapshotID)
		e.mu.Unlock()
		return errors.Join(err, detach(ctx, device))
	}
	return nil
}

// Uploads implements BlockEngine.
func (e *StoreEngine) Uploads(context.Context) ([]string, error) {
	return e.volumes(snapshotPrefix), nil
}

func (e *StoreEngine) upload(snapshotID string) (*blockstore.Device, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if device := e.writing[snapshotID]; device != nil {
		return device, nil
	}
	return nil, fmt.Errorf("%w: upload of %s", ErrNoObject, snapshotID)
}

// WriteBlock implements BlockEngine. Blocks that are written at once share their flushes.
func (e *StoreEngine) WriteBlock(ctx context.Context, snapshotID string, index int64, data []byte) error {
	device, err := e.upload(snapshotID)
	if err != nil {
		return err
	}
	if _, err := device.WriteAt(data, index*SnapshotBlockSize); err != nil {
		return err
	}
	return device.Flush(ctx)
}

// ReadUploaded implements BlockEngine.
func (e *StoreEngine) ReadUploaded(_ context.Context, snapshotID string, index int64, data []byte) error {
	device, err := e.upload(snapshotID)
	if err != nil {
		return err
	}
	_, err = device.ReadAt(data, index*SnapshotBlockSize)
	return err
}

// EndUpload implements BlockEngine.
func (e *StoreEngine) EndUpload(ctx context.Context, snapshotID string) error {
	if _, err := e.upload(snapshotID); err != nil {
		return err
	}
	_, err := e.store.CreateSnapshot(ctx, blockstore.SnapshotRequest{Volume: snapshotID, ID: snapshotID})
	if err != nil && !errors.Is(err, blockstore.ErrExists) {
		return err
	}
	return e.AbortUpload(ctx, snapshotID)
}

// AbortUpload implements BlockEngine: it deletes the volume that was written to.
func (e *StoreEngine) AbortUpload(ctx context.Context, snapshotID string) error {
	e.mu.Lock()
	device := e.writing[snapshotID]
	delete(e.writing, snapshotID)
	e.mu.Unlock()
	if err := detach(ctx, device); err != nil {
		return err
	}
	return absentIsFine(e.store.DeleteVolume(ctx, snapshotID))
}

// ReadBlock implements BlockEngine.
func (e *StoreEngine) ReadBlock(ctx context.Context, snapshotID string, index int64, data []byte, keys blockstore.Keyring) error {
	view, err := e.store.OpenSnapshot(ctx, snapshotID, keys)
	if err != nil {
		return noObject(err)
	}
	_, err = view.ReadAt(data, index*SnapshotBlockSize)
	return errors.Join(err, view.Close())
}

// extentsPerBlock is how many extents of the store a snapshot block has.
const extentsPerBlock = SnapshotBlockSize / blockstore.ExtentSize

// ChangedBlocks implements BlockEngine.
func (e *StoreEngine) ChangedBlocks(ctx context.Context, q ChangeQuery, fn func(index int64) bool) error {
	last := int64(-1)
	changes := blockstore.Changes{Older: q.OlderID, Newer: q.NewerID, From: uint64(q.From) * extentsPerBlock, Keys: q.Keys}
	err := e.store.ChangedExtents(ctx, changes, func(extent uint64) bool {
		index := int64(extent / extentsPerBlock)
		if index == last {
			return true
		}
		last = index
		return fn(index)
	})
	if errors.Is(err, blockstore.ErrInvalid) {
		return fmt.Errorf("%w: %w", ErrUnrelatedObjects, err)
	}
	return noObject(err)
}
