package ec2

import (
	"context"

	"coffer.example/internal/meta"
	"coffer.example/internal/meta/records"
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

// stored is a record with the revision that a commit must find unchanged.
type stored[T any] = records.Stored[T]

// collect returns every record under prefix. For sets that are small by nature.
func collect[T any](ctx context.Context, store meta.Store, prefix string) (map[string]stored[T], error) {
	out := map[string]stored[T]{}
	err := records.Scan(ctx, store, prefix, "", func(key string, value T, revision uint64) error {
		out[key] = stored[T]{Value: value, Revision: revision}
		return nil
	})
	return out, err
}

// change is a commit in the making: every record it writes must still have the
// revision it was read at. The first error sticks.
type change struct{ *records.Change }

func newChange() *change { return &change{records.NewChange()} }

// set writes value at key, which must have that revision.
func (c *change) set(key string, revision uint64, value any) *change {
	c.At(key, revision).Set(key, value)
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
	c.Set(key, value)
	return c
}

// remove deletes key, which must have that revision.
func (c *change) remove(key string, revision uint64) *change {
	c.At(key, revision).Clear(key)
	return c
}

// clear deletes an index key, whatever is there.
func (c *change) clear(key string) *change {
	c.Clear(key)
	return c
}
