package ec2

import (
	"context"
	"errors"

	"coffer.example/blockstore"
	"coffer.example/kms"
)

// ErrNoObject is what an Engine answers about an object it does not have.
var ErrNoObject = errors.New("ec2: no such engine object")

// VolumeSpec describes a volume to an Engine.
type VolumeSpec struct {
	ID        string // the volume's id, also the value of aws:ebs:id in its key's context
	SizeBytes int64
	Key       string             // ARN of the KMS key; empty for an unencrypted volume
	Keys      blockstore.Keyring // acts for whoever asks; nil if no KMS key takes part
}

// Engine keeps the data. Its objects are named by the ids of this package. A call
// that fails leaves no object of the new name. Deleting or detaching what is not
// there succeeds, so that recovery may repeat any step.
type Engine interface {
	CreateVolume(ctx context.Context, spec VolumeSpec) error
	// RestoreVolume makes a volume from a snapshot; it is usable when this returns.
	RestoreVolume(ctx context.Context, snapshotID string, spec VolumeSpec) error
	// ResizeVolume grows a volume, attached or not; one that is not is opened with keys.
	ResizeVolume(ctx context.Context, volumeID string, sizeBytes int64, keys blockstore.Keyring) error
	DeleteVolume(ctx context.Context, volumeID string) error
	// Attach opens the volume's data key through keys and makes the volume ready to be
	// served. It answers ErrNoObject if there is no such volume.
	Attach(ctx context.Context, volumeID string, keys blockstore.Keyring) error
	// Detach flushes and forgets the data key. Nobody is connected to the volume's export any more.
	Detach(ctx context.Context, volumeID string) error

	// CreateSnapshots makes a snapshot of each volume, named by the map, all at one point
	// in time. keys open volumes that are not attached.
	CreateSnapshots(ctx context.Context, snapshots map[string]string, keys blockstore.Keyring) error
	// CopySnapshot starts a copy under key. Its end is seen through CopyProgress.
	CopySnapshot(ctx context.Context, sourceID, snapshotID, key string, keys blockstore.Keyring) error
	// CopyProgress says how far a copy has come, and why it failed if it did. It is
	// done when the numbers are equal, and answers ErrNoObject for an unknown snapshot.
	CopyProgress(ctx context.Context, snapshotID string) (done, total int64, err error)
	DeleteSnapshot(ctx context.Context, snapshotID string) error

	// Volumes and Snapshots list what is whole, for recovery: no copy in progress.
	Volumes(ctx context.Context) ([]string, error)
	Snapshots(ctx context.Context) ([]string, error)
}

// SnapshotBlockSize is the unit of reading and writing snapshots, in bytes (AWS).
const SnapshotBlockSize = 512 << 10

// blocksPerGiB is how many of them a GiB has.
const blocksPerGiB = (1 << 30) / SnapshotBlockSize

// ErrUnrelatedObjects is what a BlockEngine answers about snapshots that it cannot compare.
var ErrUnrelatedObjects = errors.New("ec2: the snapshots are not related")

// BlockEngine writes and reads snapshots block by block.
type BlockEngine interface {
	// BeginUpload makes what the snapshot spec.ID is written into: empty, or a parent's content.
	BeginUpload(ctx context.Context, parentID string, spec VolumeSpec) error
	// ResumeUpload opens an upload that an earlier process began, and reports the blocks
	// that were written.
	ResumeUpload(ctx context.Context, snapshotID string, keys blockstore.Keyring, written func(index int64)) error
	// Uploads lists the uploads that have begun and not ended, for recovery.
	Uploads(ctx context.Context) ([]string, error)
	// WriteBlock and ReadUploaded work on an upload that has begun. A block is durable when WriteBlock returns.
	WriteBlock(ctx context.Context, snapshotID string, index int64, data []byte) error
	ReadUploaded(ctx context.Context, snapshotID string, index int64, data []byte) error
	// EndUpload makes the snapshot of what was written, durably.
	EndUpload(ctx context.Context, snapshotID string) error
	// AbortUpload drops an upload, never a snapshot. Having none succeeds.
	AbortUpload(ctx context.Context, snapshotID string) error
	// ReadBlock reads a block of a snapshot.
	ReadBlock(ctx context.Context, snapshotID string, index int64, data []byte, keys blockstore.Keyring) error
	// ChangedBlocks calls fn, in order, for the blocks of the newer snapshot that may
	// differ from the older one's, until fn returns false.
	ChangedBlocks(ctx context.Context, q ChangeQuery, fn func(index int64) bool) error
}

// ChangeQuery asks which blocks of a snapshot differ from those of an older one.
type ChangeQuery struct {
	OlderID string // empty: every block that the newer one has
	NewerID string
	From    int64 // the first index to report
	Keys    blockstore.Keyring
}

// Exports serves attached volumes to their users.
type Exports interface {
	// Publish makes an attached volume reachable.
	Publish(ctx context.Context, volumeID string) error
	// Withdraw admits no new client, and returns when the last one has left; force cuts
	// them. Withdrawing what is not published succeeds.
	Withdraw(ctx context.Context, volumeID string, force bool) error
	// URI is where the export of a volume is reached.
	URI(volumeID string) string
}

// AttachGrant is the grant that lets an instance open a volume's key.
type AttachGrant struct {
	KeyARN     string
	VolumeID   string
	InstanceID string
	ID         string // of the grant, once it is made
}

// KMS is what this package asks of the key store; KMSOf makes one of a kms.KMS. Calls
// carry the caller on whose behalf they are made, and this service in Caller.ViaService.
type KMS interface {
	DescribeKey(ctx context.Context, caller kms.Caller, key string) (*kms.KeyMetadata, error)
	// CreateGrant makes a grant and returns its id. The same volume and instance give the same grant.
	CreateGrant(ctx context.Context, caller kms.Caller, grant AttachGrant) (string, error)
	// RetireGrant retires a grant, as the instance's role. Without an id it looks for
	// one of that volume and instance; having none succeeds.
	RetireGrant(ctx context.Context, role kms.Caller, grant AttachGrant) error
	// Keyring returns a keyring that acts as the caller.
	Keyring(caller kms.Caller) blockstore.Keyring
}
