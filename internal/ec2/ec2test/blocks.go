package ec2test

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"sync"

	"coffer.example/blockstore"
	"coffer.example/internal/ec2"
)

// Blocks is an ec2.BlockEngine over the snapshots of an Engine.
type Blocks struct {
	engine *Engine
	mu     sync.Mutex
	data   map[string]map[int64][]byte // of uploads and snapshots; guarded by mu
	parent map[string]string           // guarded by mu
	open   map[string]object           // uploads; guarded by mu
	live   map[string]bool             // uploads that this process has opened; guarded by mu
	wrote  map[string]map[int64]bool   // guarded by mu
}

// BeginUpload implements ec2.BlockEngine.
func (b *Blocks) BeginUpload(ctx context.Context, parent string, spec ec2.VolumeSpec) error {
	return around(b.engine.w, func() error {
		b.mu.Lock()
		defer b.mu.Unlock()
		if spec.Key != "" {
			if _, _, _, err := spec.Keys.NewDataKey(ctx, spec.Key, nil); err != nil {
				return err
			}
		}
		b.data[spec.ID] = maps.Clone(b.data[parent])
		if b.data[spec.ID] == nil {
			b.data[spec.ID] = map[int64][]byte{}
		}
		b.parent[spec.ID], b.open[spec.ID] = parent, object{key: spec.Key, size: spec.SizeBytes}
		b.live[spec.ID], b.wrote[spec.ID] = true, map[int64]bool{}
		return nil
	})
}

// ResumeUpload implements ec2.BlockEngine.
func (b *Blocks) ResumeUpload(ctx context.Context, id string, keys blockstore.Keyring, written func(int64)) error {
	return around(b.engine.w, func() error {
		b.mu.Lock()
		defer b.mu.Unlock()
		upload, ok := b.open[id]
		if !ok {
			return ec2.ErrNoObject
		}
		if upload.key != "" {
			if _, _, _, err := keys.NewDataKey(ctx, upload.key, nil); err != nil {
				return err
			}
		}
		b.live[id] = true
		for index := range b.wrote[id] {
			written(index)
		}
		return nil
	})
}

// Uploads implements ec2.BlockEngine.
func (b *Blocks) Uploads(context.Context) ([]string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Collect(maps.Keys(b.open)), nil
}

// WriteBlock implements ec2.BlockEngine.
func (b *Blocks) WriteBlock(_ context.Context, id string, index int64, data []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.live[id] {
		return ec2.ErrNoObject
	}
	b.data[id][index], b.wrote[id][index] = bytes.Clone(data), true
	return nil
}

// ReadUploaded implements ec2.BlockEngine.
func (b *Blocks) ReadUploaded(_ context.Context, id string, index int64, data []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	copy(data, b.data[id][index])
	return nil
}

// EndUpload implements ec2.BlockEngine.
func (b *Blocks) EndUpload(_ context.Context, id string) error {
	return around(b.engine.w, func() error {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.engine.mu.Lock()
		defer b.engine.mu.Unlock()
		b.engine.snapshots[id] = b.open[id]
		delete(b.open, id)
		delete(b.live, id)
		return nil
	})
}

// AbortUpload implements ec2.BlockEngine.
func (b *Blocks) AbortUpload(_ context.Context, id string) error {
	return around(b.engine.w, func() error {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.open, id)
		delete(b.live, id)
		return nil
	})
}

// ReadBlock implements ec2.BlockEngine.
func (b *Blocks) ReadBlock(ctx context.Context, id string, index int64, data []byte, keys blockstore.Keyring) error {
	if key, _ := b.engine.Key(id); key != "" {
		if _, _, _, err := keys.NewDataKey(ctx, key, nil); err != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(data)
	copy(data, b.data[id][index])
	return nil
}

// ChangedBlocks implements ec2.BlockEngine.
func (b *Blocks) ChangedBlocks(_ context.Context, q ec2.ChangeQuery, fn func(index int64) bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for at := q.NewerID; q.OlderID != "" && at != q.OlderID; at = b.parent[at] {
		if at == "" {
			return ec2.ErrUnrelatedObjects
		}
	}
	for _, index := range slices.Sorted(maps.Keys(b.data[q.NewerID])) {
		if index >= q.From && !bytes.Equal(b.data[q.NewerID][index], b.data[q.OlderID][index]) && !fn(index) {
			return nil
		}
	}
	return nil
}
