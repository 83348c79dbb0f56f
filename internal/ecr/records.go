package ecr

import (
	"context"
	"errors"

	"coffer.example/internal/meta"
	"coffer.example/internal/meta/records"
)

// get reads a record and its revision; meta.ErrNotFound if there is none.
func get[T any](ctx context.Context, store meta.Store, key string) (*T, uint64, error) {
	found, err := records.Get[T](ctx, store, key)
	if err != nil {
		return nil, 0, err
	}
	return &found.Value, found.Revision, nil
}

// scan calls fn with every record under prefix after the key after, in key order. records.ErrStop ends it early.
func scan[T any](ctx context.Context, store meta.Store, prefix, after string, fn func(key string, value *T) error) error {
	return records.Scan(ctx, store, prefix, after, func(key string, value T, _ uint64) error { return fn(key, &value) })
}

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
		c := records.NewChange()
		for _, key := range batch {
			c.Clear(key)
		}
		if err := c.Commit(ctx, store); err != nil {
			return err
		}
	}
}
