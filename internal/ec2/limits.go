package ec2

import "time"

// Limits. Those of AWS are named as such; the others keep records and requests small.
const (
	maxTags            = 50   // AWS: per resource
	maxTagKey          = 127  // AWS, in characters
	maxTagValue        = 255  // AWS, in characters
	maxTaggedResources = 1000 // AWS: per CreateTags and DeleteTags
	maxDescription     = 255  // AWS, in characters
	maxImageName       = 128  // AWS, in characters
	minImageName       = 3

	maxDevices          = 40  // attachments of one instance (AWS: of a Nitro instance, about 28; of a Xen one 40)
	maxLaunch           = 100 // instances of one RunInstances
	maxPendingCopies    = 20  // AWS: snapshot copies per account and destination Region
	maxShareChanges     = 500 // AWS: accounts in one ModifySnapshotAttribute
	maxShares           = 1000
	maxFastRestores     = 5        // AWS: snapshots with fast restore, per account and Region
	maxFastRestoreNames = 10       // AWS: snapshots, and zones, of one request
	maxUploads          = 256      // snapshots being written at once; each keeps a device open
	maxUserData         = 16 << 10 // AWS, decoded
	maxClientToken      = 64       // AWS, in characters
	maxFilters          = 50       // AWS
	maxFilterValues     = 200      // AWS
	maxIDs              = 1000     // AWS: ids in one Describe

	maxVolumeGiB = 16 << 10 // of the engine: 16 TiB, whatever the volume type

	// maxPage bounds a page of Describe, asked for or not, and maxExamined the
	// records that one call looks at: a filter that matches little gives short pages.
	maxPage     = 1000
	maxUnpaged  = 10_000
	maxExamined = 20_000

	// commitResources keeps a commit within the store's limit on conditions and
	// operations: at most four for each resource, and a few for tokens.
	commitResources = 24

	// detachGrace is how long DetachVolume waits for an export without clients to
	// close before it answers.
	detachGrace = 250 * time.Millisecond

	defaultUploadTimeout = time.Hour // AWS
	minUploadTimeout     = 10 * time.Minute
	maxUploadTimeout     = 4320 * time.Minute

	tokenLifetime      = 24 * time.Hour // AWS: idempotency is kept at least that long
	terminatedLifetime = time.Hour      // AWS: a terminated instance stays visible for about an hour
	wakeDelay          = 50 * time.Millisecond
	defaultRetryEvery  = 30 * time.Second
)
