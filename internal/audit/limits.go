package audit

import "time"

// Limits and defaults.
const (
	// MaxEventBytes bounds an event: CloudTrail's own limit is 256 KiB.
	MaxEventBytes = 256 << 10
	// DefaultMaxFileBytes is the size at which a file is closed and the next begun:
	// Open verifies the last file, which at 64 MiB takes well under a second.
	DefaultMaxFileBytes = 64 << 20
	// DefaultMaxFiles bounds the directory, together with the size: 640 GiB.
	DefaultMaxFiles = 10_000
	// DefaultSyncEvery is how long a record may wait for its fdatasync.
	DefaultSyncEvery = time.Second

	// maxLineBytes is an event, the two members added to it, and the newline.
	maxLineBytes = MaxEventBytes + 128
	// followEvery is how often a following reader looks for more.
	followEvery = 100 * time.Millisecond
)
