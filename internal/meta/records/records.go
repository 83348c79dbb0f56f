// Package records keeps typed values in a meta.Store: JSON, read with the revision that a
// later commit must find unchanged. It knows no names and no resources; those are its users'.
package records

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"coffer.example/internal/meta"
)

// Stored is a record with the revision that a commit must find unchanged; 0 is a
// record that does not exist yet.
type Stored[T any] struct {
	Value    T
	Revision uint64
}

// Get reads a record; meta.ErrNotFound if there is none.
func Get[T any](ctx context.Context, store meta.Store, key string) (Stored[T], error) {
	var out Stored[T]
	raw, revision, err := store.Get(ctx, key)
	if err != nil {
		return out, fmt.Errorf("read %s: %w", key, err)
	}
	if err := json.Unmarshal(raw, &out.Value); err != nil {
		return out, fmt.Errorf("%w: decode %s: %w", meta.ErrCorrupt, key, err)
	}
	out.Revision = revision
	return out, nil
}

// ErrStop, returned by the function of a Scan, ends it early and without an error.
var ErrStop = errors.New("stop scanning")

// Scan calls fn with every record under prefix after the key after, in key order.
func Scan[T any](ctx context.Context, store meta.Store, prefix, after string, fn func(key string, value T, revision uint64) error) error {
	err := store.Scan(ctx, prefix, after, 0, func(key string, raw []byte, revision uint64) error {
		var value T
		if err := json.Unmarshal(raw, &value); err != nil {
			return fmt.Errorf("%w: decode %s: %w", meta.ErrCorrupt, key, err)
		}
		return fn(key, value, revision)
	})
	if errors.Is(err, ErrStop) {
		return nil
	}
	return err
}

// Change is a commit in the making. The first error sticks.
type Change struct {
	expect map[string]uint64
	put    map[string][]byte
	err    error
}

// NewChange returns an empty change.
func NewChange() *Change { return &Change{expect: map[string]uint64{}, put: map[string][]byte{}} }

// At demands that a key still has that revision (0: is absent).
func (c *Change) At(key string, revision uint64) *Change {
	c.expect[key] = revision
	return c
}

// Set writes a value, whatever is there.
func (c *Change) Set(key string, value any) *Change {
	raw, err := json.Marshal(value)
	if err != nil && c.err == nil {
		c.err = fmt.Errorf("encode %s: %w", key, err)
	}
	c.put[key] = raw
	return c
}

// Clear deletes a key, whatever is there.
func (c *Change) Clear(key string) *Change {
	c.put[key] = nil
	return c
}

// Commit applies the change whole or not at all, with the errors of meta.Store.
func (c *Change) Commit(ctx context.Context, store meta.Store) error {
	if c.err != nil {
		return c.err
	}
	if err := store.Commit(ctx, c.expect, c.put); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}
