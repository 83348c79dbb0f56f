package rds

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"coffer.example/internal/meta"
)

// record is a resource of the catalogue.
type record interface{ key() string }

// stored is a record with the revision that a commit must find unchanged; 0 is one that
// does not exist yet.
type stored[T any] struct {
	value    T
	revision uint64
}

// get reads a record; meta.ErrNotFound if there is none.
func get[T any](ctx context.Context, store meta.Store, key string) (stored[T], error) {
	var out stored[T]
	raw, revision, err := store.Get(ctx, key)
	if err != nil {
		return out, fmt.Errorf("rds: read %s: %w", key, err)
	}
	if err := json.Unmarshal(raw, &out.value); err != nil {
		return out, fmt.Errorf("%w: decode %s: %w", meta.ErrCorrupt, key, err)
	}
	out.revision = revision
	return out, nil
}

var errStop = errors.New("rds: stop scanning")

// scan calls fn with every record under prefix after the key after. errStop ends it early.
func scan[T any](ctx context.Context, store meta.Store, prefix, after string, fn func(T) error) error {
	err := store.Scan(ctx, prefix, after, 0, func(key string, raw []byte, _ uint64) error {
		var value T
		if err := json.Unmarshal(raw, &value); err != nil {
			return fmt.Errorf("%w: decode %s: %w", meta.ErrCorrupt, key, err)
		}
		return fn(value)
	})
	if errors.Is(err, errStop) {
		return nil
	}
	return err
}

// all returns every record under prefix: sets that quotas keep small.
func all[T any](ctx context.Context, store meta.Store, prefix string) (out []T, err error) {
	err = scan(ctx, store, prefix, "", func(value T) error { out = append(out, value); return nil })
	return out, err
}

// change is a commit in the making. The first error sticks.
type change struct {
	expect map[string]uint64
	put    map[string][]byte
	err    error
}

func newChange() *change { return &change{expect: map[string]uint64{}, put: map[string][]byte{}} }

// keep writes a record, which must have that revision.
func (c *change) keep(r record, revision uint64) *change {
	raw, err := json.Marshal(r)
	if err != nil && c.err == nil {
		c.err = fmt.Errorf("rds: encode %s: %w", r.key(), err)
	}
	c.expect[r.key()], c.put[r.key()] = revision, raw
	return c
}

// drop deletes a record, whatever is there.
func (c *change) drop(r record) *change { return c.clear(r.key()) }

// mark writes an index key.
func (c *change) mark(key string) *change {
	c.put[key] = []byte("{}")
	return c
}

// clear deletes a key, whatever is there.
func (c *change) clear(key string) *change {
	c.put[key] = nil
	return c
}

func (c *change) commit(ctx context.Context, store meta.Store) error {
	if c.err != nil {
		return c.err
	}
	if err := store.Commit(ctx, c.expect, c.put); err != nil {
		return fmt.Errorf("rds: commit: %w", err)
	}
	return nil
}

// edit changes a record, whose lock the caller holds, from what it is now.
func edit[T record](ctx context.Context, s *Service, r T, change func(*T)) (T, error) {
	now, err := get[T](ctx, s.store, r.key())
	if err != nil {
		return now.value, err
	}
	change(&now.value)
	return now.value, newChange().keep(now.value, now.revision).commit(ctx, s.store)
}
