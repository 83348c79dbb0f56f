package ecr

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"coffer.example/internal/meta"
)

// get reads a record and its revision; meta.ErrNotFound if there is none.
func get[T any](ctx context.Context, store meta.Store, key string) (*T, uint64, error) {
	raw, revision, err := store.Get(ctx, key)
	if err != nil {
		return nil, 0, fmt.Errorf("ecr: read %s: %w", key, err)
	}
	value := new(T)
	if err := json.Unmarshal(raw, value); err != nil {
		return nil, 0, fmt.Errorf("%w: decode %s: %w", meta.ErrCorrupt, key, err)
	}
	return value, revision, nil
}

// scan calls fn with every record under prefix after the key after, in key order. errStop ends it early.
func scan[T any](ctx context.Context, store meta.Store, prefix, after string, fn func(key string, value *T) error) error {
	err := store.Scan(ctx, prefix, after, 0, func(key string, raw []byte, _ uint64) error {
		value := new(T)
		if err := json.Unmarshal(raw, value); err != nil {
			return fmt.Errorf("%w: decode %s: %w", meta.ErrCorrupt, key, err)
		}
		return fn(key, value)
	})
	if errors.Is(err, errStop) {
		return nil
	}
	return err
}

var errStop = errors.New("ecr: stop scanning")

// keys returns at most limit keys under prefix (0: all).
func keys(ctx context.Context, store meta.Store, prefix string, limit int) ([]string, error) {
	var out []string
	err := store.Scan(ctx, prefix, "", limit, func(key string, _ []byte, _ uint64) error {
		out = append(out, key)
		return nil
	})
	return out, err
}

// atMost says whether there are at most limit keys under prefix.
func atMost(ctx context.Context, store meta.Store, prefix string, limit int) (bool, error) {
	n := 0
	err := store.Scan(ctx, prefix, "", limit+1, func(string, []byte, uint64) error { n++; return nil })
	return n <= limit, err
}

func exists(ctx context.Context, store meta.Store, key string) (bool, error) {
	_, _, err := store.Get(ctx, key)
	if errors.Is(err, meta.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// change is a commit in the making. The first error sticks.
type change struct {
	expect map[string]uint64
	put    map[string][]byte
	err    error
}

func newChange() *change {
	return &change{expect: map[string]uint64{}, put: map[string][]byte{}}
}

// at demands that key still has that revision (0: is absent).
func (c *change) at(key string, revision uint64) *change {
	c.expect[key] = revision
	return c
}

// set writes value at key.
func (c *change) set(key string, value any) *change {
	raw, err := json.Marshal(value)
	if err != nil && c.err == nil {
		c.err = fmt.Errorf("ecr: encode %s: %w", key, err)
	}
	c.put[key] = raw
	return c
}

// clear deletes key, whatever is there.
func (c *change) clear(key string) *change {
	c.put[key] = nil
	return c
}

func (c *change) commit(ctx context.Context, store meta.Store) error {
	if c.err != nil {
		return c.err
	}
	if err := store.Commit(ctx, c.expect, c.put); err != nil {
		return fmt.Errorf("ecr: commit: %w", err)
	}
	return nil
}

// retry runs try again while another request was faster.
func retry(try func() error) error {
	var err error
	for range commitAttempts {
		if err = try(); !errors.Is(err, meta.ErrConflict) {
			return err
		}
	}
	return err
}

// clearAll deletes every key under prefix, in batches.
func clearAll(ctx context.Context, store meta.Store, prefix string) error {
	for {
		batch, err := keys(ctx, store, prefix, maxBatch)
		if err != nil || len(batch) == 0 {
			return err
		}
		c := newChange()
		for _, key := range batch {
			c.clear(key)
		}
		if err := c.commit(ctx, store); err != nil {
			return err
		}
	}
}
