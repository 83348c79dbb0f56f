package blockstore

import (
	"time"

	"coffer.example/aead"
)

// Units of the format. See doc.go.
const (
	// BlockSize is the sealed unit, in bytes.
	BlockSize = aead.BlockSize
	// ExtentBlocks is the number of blocks of an extent, the unit of the index.
	ExtentBlocks = 16
	// ExtentSize is an extent in bytes, 64 KiB.
	ExtentSize = ExtentBlocks * BlockSize
	// GiB is the granularity of volume sizes, in bytes.
	GiB = 1 << 30
	// DefaultZoneSlots is the number of slots of a zone file: 1 GiB.
	DefaultZoneSlots = 1 << 18
)

// Limits of requests and resources.
const (
	// MinVolumeSize and MaxVolumeSize bound a volume's size in bytes (EBS: 1 GiB to 16 TiB for gp2).
	MinVolumeSize = 1 * GiB
	MaxVolumeSize = 16 << 40
	// MaxVolumes bounds the volumes and tombstones of a store, each some hundred bytes of memory.
	MaxVolumes = 1 << 20
	// MaxIDSize bounds a volume or snapshot id, in bytes.
	MaxIDSize = 64
	// MaxDepth is the number of parents a read may go through; a deeper clone is flattened first.
	MaxDepth = 8
	// MaxDataKeys bounds the data keys a volume can need: its own and those of the chain it still reads through.
	MaxDataKeys = MaxDepth + 1
	// MaxContextPairs and MaxContextSize bound an encryption context that is kept with a volume.
	MaxContextPairs = 16
	MaxContextSize  = 4096
	// maxHeaderSize bounds an encoded volume or snapshot header, in bytes.
	maxHeaderSize = MaxDataKeys*(aead.MaxWrappedSize+MaxContextSize+4096) + 4096
	// maxSlot is the largest slot number plus one: 40 bits, 4 PiB.
	maxSlot = 1 << 40
	// maxRequest bounds one read or write, in bytes: longer requests are split by the device.
	maxRequest = 64 << 20
)

// Policy constants: they can change without a new format.
const (
	// sequenceStep is how many sequences one synced reservation covers.
	sequenceStep = 1 << 20
	// windowBlocks of a volume are placed in a group of groupSlots slots, so that
	// sequential reads survive random overwrites (25 % spare).
	windowBlocks = 256
	groupSlots   = 320
	spareShare   = 4 // the spare is this part of what is used
	// runBlocks is how many contiguous dirty blocks take a fresh run of slots.
	runBlocks = 64
	// readGapSlots is the largest gap that one device read skips over rather than splitting.
	readGapSlots = 16
	// readParallel bounds the device reads that one request has in flight.
	readParallel = 16
	// flushBytes and flushInterval start a background flush round.
	flushBytes    = 64 << 20
	flushInterval = 5 * time.Second
	// maxDirtyBytes of a volume stall its writers until a round has finished.
	maxDirtyBytes = 4 * flushBytes
	// maxStagedBytes of sealed blocks may wait for their device write, store-wide.
	maxStagedBytes = 64 << 20
	// rmwRetries bounds the optimistic attempts of a write below block size.
	rmwRetries = 16
	// batchExtents bounds the extents of one maintenance batch (deletion, flattening).
	batchExtents = 1024
	// maxSessionCache bounds the session keys a device keeps ready.
	maxSessionCache = 1024
	// recordCacheExtents bounds the cache of decoded extent records: about 110 MiB.
	recordCacheExtents = 160 << 10
)

// The record's slot bitmaps are 16 bits wide.
const _ = uint(16 - ExtentBlocks)
