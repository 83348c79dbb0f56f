package ec2test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"coffer.example/blockstore"
	"coffer.example/internal/ec2"
)

// object is a volume or snapshot.
type object struct {
	key  string
	size int64
	from string
}

// Engine keeps objects in memory. It uses keys as a real engine would.
type Engine struct {
	w         *World
	mu        sync.Mutex
	volumes   map[string]object
	snapshots map[string]object
	open      map[string]bool
	copying   map[string]int64 // steps left of a copy
	Slow      int64            // polls that a copy to another key takes
}

func (e *Engine) do(fn func() error) error {
	return around(e.w, func() error {
		e.mu.Lock()
		defer e.mu.Unlock()
		return fn()
	})
}

// CreateVolume implements ec2.Engine.
func (e *Engine) CreateVolume(ctx context.Context, spec ec2.VolumeSpec) error {
	return e.do(func() error {
		if spec.Key != "" {
			if _, _, _, err := spec.Keys.NewDataKey(ctx, spec.Key, map[string]string{"aws:ebs:id": spec.ID}); err != nil {
				return err
			}
		}
		e.volumes[spec.ID] = object{key: spec.Key, size: spec.SizeBytes}
		return nil
	})
}

// RestoreVolume implements ec2.Engine.
func (e *Engine) RestoreVolume(ctx context.Context, snapshotID string, spec ec2.VolumeSpec) error {
	return e.do(func() error {
		from, ok := e.snapshots[snapshotID]
		if !ok {
			return ec2.ErrNoObject
		}
		for _, key := range []string{from.key, spec.Key} {
			if key != "" {
				if _, _, _, err := spec.Keys.NewDataKey(ctx, key, nil); err != nil {
					return err
				}
			}
		}
		e.volumes[spec.ID] = object{key: spec.Key, size: spec.SizeBytes, from: snapshotID}
		return nil
	})
}

// ResizeVolume implements ec2.Engine.
func (e *Engine) ResizeVolume(_ context.Context, id string, size int64, _ blockstore.Keyring) error {
	return e.do(func() error {
		v := e.volumes[id]
		v.size = size
		e.volumes[id] = v
		return nil
	})
}

// DeleteVolume implements ec2.Engine.
func (e *Engine) DeleteVolume(_ context.Context, id string) error {
	return e.do(func() error {
		if e.open[id] {
			return errors.New("delete of an open volume")
		}
		delete(e.volumes, id)
		return nil
	})
}

// Attach implements ec2.Engine.
func (e *Engine) Attach(ctx context.Context, id string, keys blockstore.Keyring) error {
	return e.do(func() error {
		v, ok := e.volumes[id]
		if !ok {
			return ec2.ErrNoObject
		}
		if v.key != "" {
			if _, err := keys.Unwrap(ctx, []byte(v.key), map[string]string{"aws:ebs:id": id}); err != nil {
				return err
			}
		}
		e.open[id] = true
		return nil
	})
}

// Detach implements ec2.Engine.
func (e *Engine) Detach(_ context.Context, id string) error {
	return e.do(func() error { delete(e.open, id); return nil })
}

// CreateSnapshots implements ec2.Engine.
func (e *Engine) CreateSnapshots(_ context.Context, names map[string]string, _ blockstore.Keyring) error {
	return e.do(func() error {
		for volume, snapshot := range names {
			v, ok := e.volumes[volume]
			if !ok {
				return ec2.ErrNoObject
			}
			e.snapshots[snapshot] = object{key: v.key, size: v.size, from: volume}
		}
		return nil
	})
}

// CopySnapshot implements ec2.Engine.
func (e *Engine) CopySnapshot(ctx context.Context, source, id, key string, keys blockstore.Keyring) error {
	return e.do(func() error {
		from, ok := e.snapshots[source]
		if !ok {
			return ec2.ErrNoObject
		}
		for _, k := range []string{from.key, key} {
			if k != "" {
				if _, _, _, err := keys.NewDataKey(ctx, k, nil); err != nil {
					return err
				}
			}
		}
		e.snapshots[id] = object{key: key, size: from.size, from: source}
		if key != from.key {
			e.copying[id] = e.Slow
		}
		return nil
	})
}

// CopyProgress implements ec2.Engine.
func (e *Engine) CopyProgress(_ context.Context, id string) (int64, int64, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, ok := e.snapshots[id]; !ok {
		return 0, 0, ec2.ErrNoObject
	}
	left := e.copying[id]
	if left > 0 {
		e.copying[id]--
	}
	return e.Slow - left, e.Slow, nil
}

// DeleteSnapshot implements ec2.Engine.
func (e *Engine) DeleteSnapshot(_ context.Context, id string) error {
	return e.do(func() error { delete(e.snapshots, id); return nil })
}

// Volumes implements ec2.Engine.
func (e *Engine) Volumes(context.Context) ([]string, error) {
	return slices.Collect(maps.Keys(e.volumes)), nil
}

// Snapshots implements ec2.Engine.
func (e *Engine) Snapshots(context.Context) ([]string, error) {
	return slices.Collect(maps.Keys(e.snapshots)), nil
}

// Key returns the key that a volume or snapshot is under, and whether there is such an object.
func (e *Engine) Key(id string) (string, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	o, ok := e.volumes[id]
	if !ok {
		o, ok = e.snapshots[id]
	}
	return o.key, ok
}
