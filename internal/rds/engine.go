package rds

import (
	"context"

	"coffer.example/blockstore"
)

// Engine keeps volumes and snapshots; *blockstore.Store is one. Its objects are named by
// the ids of this package's records, and a call that fails leaves no object of the new name.
type Engine interface {
	CreateVolume(ctx context.Context, spec blockstore.VolumeSpec) (blockstore.Volume, error)
	CloneSnapshot(ctx context.Context, snapshot string, spec blockstore.VolumeSpec) (blockstore.Volume, error)
	GrowVolume(ctx context.Context, id string, size int64, keys blockstore.Keyring) error
	DeleteVolume(ctx context.Context, id string) error
	AttachWith(ctx context.Context, id string, o blockstore.AttachOptions) (*blockstore.Device, error)
	CreateSnapshot(ctx context.Context, r blockstore.SnapshotRequest) (blockstore.Snapshot, error)
	CopySnapshot(ctx context.Context, source string, spec blockstore.CopySpec) (string, error)
	CopyStatus(id string) (blockstore.Walk, bool, error)
	DeleteSnapshot(ctx context.Context, id string) error
	Snapshot(id string) (blockstore.Snapshot, error)
}

// Exports serves the volumes of available databases to their users.
type Exports interface {
	// Serve makes an open volume reachable.
	Serve(ctx context.Context, volume string, device *blockstore.Device) error
	// Withdraw cuts the clients of a volume and returns when the last has left. Withdrawing
	// what is not served succeeds.
	Withdraw(ctx context.Context, volume string) error
	// URI is where a volume is reached.
	URI(volume string) string
}
