package rdstest

import (
	"context"

	"coffer.example/blockstore"
	"coffer.example/internal/meta"
	"coffer.example/internal/testkit"
)

// faultyStore may end the process before and after each commit.
type faultyStore struct {
	meta.Store
	faults *testkit.Faults
}

func (s faultyStore) Commit(ctx context.Context, expect map[string]uint64, put map[string][]byte) error {
	if err := s.faults.Point(); err != nil {
		return err
	}
	if err := s.Store.Commit(ctx, expect, put); err != nil {
		return err
	}
	return s.faults.Point()
}

// faultyEngine may end the process after each change; before it there is a commit.
type faultyEngine struct {
	*blockstore.Store
	faults *testkit.Faults
}

func (e faultyEngine) after(err error) error {
	if err != nil {
		return err
	}
	return e.faults.Point()
}

func (e faultyEngine) CreateVolume(ctx context.Context, spec blockstore.VolumeSpec) (out blockstore.Volume, err error) {
	out, err = e.Store.CreateVolume(ctx, spec)
	return out, e.after(err)
}

func (e faultyEngine) CloneSnapshot(ctx context.Context, snapshot string, spec blockstore.VolumeSpec) (out blockstore.Volume, err error) {
	out, err = e.Store.CloneSnapshot(ctx, snapshot, spec)
	return out, e.after(err)
}

func (e faultyEngine) GrowVolume(ctx context.Context, id string, size int64, keys blockstore.Keyring) error {
	return e.after(e.Store.GrowVolume(ctx, id, size, keys))
}

func (e faultyEngine) DeleteVolume(ctx context.Context, id string) error {
	return e.after(e.Store.DeleteVolume(ctx, id))
}

func (e faultyEngine) CreateSnapshot(ctx context.Context, r blockstore.SnapshotRequest) (out blockstore.Snapshot, err error) {
	out, err = e.Store.CreateSnapshot(ctx, r)
	return out, e.after(err)
}

func (e faultyEngine) CopySnapshot(ctx context.Context, source string, spec blockstore.CopySpec) (out string, err error) {
	out, err = e.Store.CopySnapshot(ctx, source, spec)
	return out, e.after(err)
}

func (e faultyEngine) DeleteSnapshot(ctx context.Context, id string) error {
	return e.after(e.Store.DeleteSnapshot(ctx, id))
}
