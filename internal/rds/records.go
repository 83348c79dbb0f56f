package rds

import (
	"context"

	"coffer.example/internal/meta"
	"coffer.example/internal/meta/records"
)

// record is a resource of the catalogue.
type record interface{ key() string }

// scan calls fn with every record under prefix after the key after. records.ErrStop ends it early.
func scan[T any](ctx context.Context, store meta.Store, prefix, after string, fn func(T) error) error {
	return records.Scan(ctx, store, prefix, after, func(_ string, value T, _ uint64) error { return fn(value) })
}

// all returns every record under prefix: sets that quotas keep small.
func all[T any](ctx context.Context, store meta.Store, prefix string) (out []T, err error) {
	err = scan(ctx, store, prefix, "", func(value T) error { out = append(out, value); return nil })
	return out, err
}

// change is a commit in the making. The first error sticks.
type change struct{ *records.Change }

func newChange() *change { return &change{records.NewChange()} }

// keep writes a record, which must have that revision.
func (c *change) keep(r record, revision uint64) *change {
	c.At(r.key(), revision).Set(r.key(), r)
	return c
}

// drop deletes a record, whatever is there.
func (c *change) drop(r record) *change { return c.clear(r.key()) }

// mark writes an index key.
func (c *change) mark(key string) *change {
	c.Set(key, struct{}{})
	return c
}

// clear deletes a key, whatever is there.
func (c *change) clear(key string) *change {
	c.Clear(key)
	return c
}

// edit changes a record, whose lock the caller holds, from what it is now.
func edit[T record](ctx context.Context, s *Service, r T, change func(*T)) (T, error) {
	now, err := records.Get[T](ctx, s.store, r.key())
	if err != nil {
		return now.Value, err
	}
	change(&now.Value)
	return now.Value, newChange().keep(now.Value, now.Revision).Commit(ctx, s.store)
}
