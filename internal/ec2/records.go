package ec2

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"coffer.example/internal/meta"
)

// resource is a record with an id and an owner.
type resource interface {
	at() (kind, ref)
	// unsettled says that start-up must look at it: a step is under way, or the
	// engine should hold it open.
	unsettled() bool
}

// ref says where a resource's record lies.
type ref struct{ Region, Owner, ID string }

func (r ref) key(k kind) string { return resourceKey(k, r.Region, r.Owner, r.ID) }

func (r ref) unsettledKey(k kind) string { return unsettledPrefix(k, r.Region, r.Owner) + r.ID }

// stored is a record with the revision that a commit must find unchanged; 0 is a
// record that does not exist yet.
type stored[T any] struct {
	value    T
	revision uint64
}

// get reads a record; meta.ErrNotFound if there is none.
func get[T any](ctx context.Context, store meta.Store, key string) (stored[T], error) {
	var out stored[T]
	raw, revision, err := store.Get(ctx, key)
	if err != nil {
		return out, fmt.Errorf("ec2: read %s: %w", key, err)
	}
	if err := json.Unmarshal(raw, &out.value); err != nil {
		return out, fmt.Errorf("%w: decode %s: %w", meta.ErrCorrupt, key, err)
	}
	out.revision = revision
	return out, nil
}

// scan calls fn with every record under prefix after the key after, in key order.
// errStop ends it early.
func scan[T any](ctx context.Context, store meta.Store, prefix, after string, fn func(key string, value T, revision uint64) error) error {
	err := store.Scan(ctx, prefix, after, 0, func(key string, raw []byte, revision uint64) error {
		var value T
		if err := json.Unmarshal(raw, &value); err != nil {
			return fmt.Errorf("%w: decode %s: %w", meta.ErrCorrupt, key, err)
		}
		return fn(key, value, revision)
	})
	if errors.Is(err, errStop) {
		return nil
	}
	return err
}

var errStop = errors.New("ec2: stop scanning")

// collect returns every record under prefix. For sets that are small by nature.
func collect[T any](ctx context.Context, store meta.Store, prefix string) (map[string]stored[T], error) {
	out := map[string]stored[T]{}
	err := scan(ctx, store, prefix, "", func(key string, value T, revision uint64) error {
		out[key] = stored[T]{value, revision}
		return nil
	})
	return out, err
}

// change is a commit in the making: every record it writes must still have the
// revision it was read at. The first error sticks.
type change struct {
	expect map[string]uint64
	put    map[string][]byte
	err    error
}

func newChange() *change {
	return &change{expect: map[string]uint64{}, put: map[string][]byte{}}
}

// set writes value at key, which must have that revision.
func (c *change) set(key string, revision uint64, value any) *change {
	raw, err := json.Marshal(value)
	if err != nil && c.err == nil {
		c.err = fmt.Errorf("ec2: encode %s: %w", key, err)
	}
	c.expect[key], c.put[key] = revision, raw
	return c
}

// keep writes a resource's record, and the index of what start-up must look at.
func (c *change) keep(r resource, revision uint64) *change {
	k, at := r.at()
	c.set(at.key(k), revision, r)
	if r.unsettled() {
		return c.write(at.unsettledKey(k), at)
	}
	return c.clear(at.unsettledKey(k))
}

// drop deletes a resource's record and its index entry, whatever is there.
func (c *change) drop(r resource) *change {
	k, at := r.at()
	return c.clear(at.key(k)).clear(at.unsettledKey(k))
}

// write writes value at an index key, whatever is there.
func (c *change) write(key string, value any) *change {
	raw, err := json.Marshal(value)
	if err != nil && c.err == nil {
		c.err = fmt.Errorf("ec2: encode %s: %w", key, err)
	}
	c.put[key] = raw
	return c
}

// remove deletes key, which must have that revision.
func (c *change) remove(key string, revision uint64) *change {
	c.expect[key], c.put[key] = revision, nil
	return c
}

// clear deletes an index key, whatever is there.
func (c *change) clear(key string) *change {
	c.put[key] = nil
	return c
}

func (c *change) commit(ctx context.Context, store meta.Store) error {
	if c.err != nil {
		return c.err
	}
	if err := store.Commit(ctx, c.expect, c.put); err != nil {
		return fmt.Errorf("ec2: commit: %w", err)
	}
	return nil
}
