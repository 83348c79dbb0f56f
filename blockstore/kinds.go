package blockstore

// The kinds of corruption: what a CorruptError names and Verify counts.
const (
	KindSuperblock     = "superblock"
	KindIndex          = "index"
	KindZone           = "zone"
	KindVolumeHeader   = "volume header"
	KindSnapshotHeader = "snapshot header"
	KindDataKey        = "data key record"
	KindSession        = "write session"
	KindRecord         = "extent record"
	KindRecordSet      = "set of extent records"
	KindBirths         = "birth list"
	KindDead           = "dead list"
	KindReference      = "slot reference"
	KindBlock          = "block"
	KindAnchor         = "anchor"
)
