package rdstest

import (
	"context"

	"coffer.example/blockstore"
	"coffer.example/internal/meta"
	"coffer.example/internal/testkit"
)

// around runs a change between two points at which the process may end.
func around(faults *testkit.Faults, do func() error) error {
	if err := faults.Point(); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return faults.Point()
}

type faultyStore struct {
	meta.Store
	faults *testkit.Faults
}

func (s faultyStore) Commit(ctx context.Context, expect map[string]uint64, put map[string][]byte) error {
	return around(s.faults, func() error { return s.Store.Commit(ctx, expect, put) })
}

type faultyEngine struct {
	*blockstore.Store
	faults *testkit.Faults
}

func (e faultyEngine) CreateVolume(ctx context.Context, spec blockstore.VolumeSpec) (out blockstore.Volume, err error) {
	err = around(e.faults, func() (err error) { out, err = e.Store.CreateVolume(ctx, spec); return err })
	return out, err
}

func (e faultyEngine) CloneSnapshot(ctx context.Context, snapshot string, spec blockstore.VolumeSpec) (out blockstore.Volume, err error) {
	err = around(e.faults, func() (err error) { out, err = e.Store.CloneSnapshot(ctx, snapshot, spec); return err })
	return out, err
}

func (e faultyEngine) GrowVolume(ctx context.Context, id string, size int64, keys blockstore.Keyring) error {
	return around(e.faults, func() error { return e.Store.GrowVolume(ctx, id, size, keys) })
}

func (e faultyEngine) DeleteVolume(ctx context.Context, id string) error {
	return around(e.faults, func() error { return e.Store.DeleteVolume(ctx, id) })
}

func (e faultyEngine) CreateSnapshot(ctx context.Context, r blockstore.SnapshotRequest) (out blockstore.Snapshot, err error) {
	err = around(e.faults, func() (err error) { out, err = e.Store.CreateSnapshot(ctx, r); return err })
	return out, err
}

func (e faultyEngine) CopySnapshot(ctx context.Context, source string, spec blockstore.CopySpec) (out string, err error) {
	err = around(e.faults, func() (err error) { out, err = e.Store.CopySnapshot(ctx, source, spec); return err })
	return out, err
}

func (e faultyEngine) DeleteSnapshot(ctx context.Context, id string) error {
	return around(e.faults, func() error { return e.Store.DeleteSnapshot(ctx, id) })
}
