package rds

import (
	"time"

	"coffer.example/internal/meta"
)

// Limits. Those of AWS are named as such; the others keep records and requests small.
const (
	maxName         = 63  // AWS, in characters: a database
	maxSnapshotName = 255 // AWS, in characters

	maxClusters     = 40  // AWS: per account and Region
	maxInstances    = 40  // AWS
	maxSnapshots    = 100 // AWS: manual snapshots of each kind
	maxCopies       = 20  // AWS: copies in progress
	maxShares       = 20  // AWS: accounts that a snapshot is shared with
	maxMembers      = 16  // AWS: instances of a cluster
	maxTags         = 50  // AWS
	maxTagKey       = 128 // AWS, in characters
	maxTagValue     = 256 // AWS, in characters
	maxSettings     = 64  // settings that are kept for clients, and elements of lists among them
	maxSettingValue = 256 // in bytes

	minGiB     = 1
	maxGiB     = 16 << 10 // of the engine; AWS allows 64 TiB
	auroraGiB  = 64       // a cluster that names no size; space is taken as it is written
	defaultGiB = 20       // an instance that names none

	maxBackupDays = 35 // AWS

	// keyLossWindow is how long a database can come back after its key refused (AWS).
	keyLossWindow = 7 * 24 * time.Hour
	// MaxStopped is how long a database can be stopped before it is started again (AWS).
	MaxStopped = 7 * 24 * time.Hour

	defaultCheckEvery = 5 * time.Minute
	wakeDelay         = 50 * time.Millisecond
	minBackupDistance = 12 * time.Hour // between a manual move of the window and the next backup

	// MaxPage bounds the records of one page (AWS).
	MaxPage = 100
)

// The largest record fits a value of the store: JSON writes a byte as six at most, and the rest of a record takes a few KiB.
const _ = uint(meta.MaxSealedValue - 6*(maxSettings*maxSettingValue+maxTags*(maxTagKey+maxTagValue)) - 16<<10)
