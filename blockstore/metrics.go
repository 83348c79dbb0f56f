package blockstore

import "sync/atomic"

// metrics counts what the store does.
type metrics struct {
	reads, readBytes, readErrors atomic.Uint64
	writes, writtenBytes         atomic.Uint64
	flushes, rounds, zoneSyncs   atomic.Uint64
	trims                        atomic.Uint64
	walkedBytes                  atomic.Uint64
	punchedBytes, punchErrors    atomic.Uint64
	authFailures                 atomic.Uint64
	volumeFailures, zoneFailures atomic.Uint64
	sweepErrors, allocatorScans  atomic.Uint64
	journaled, journalFailures   atomic.Uint64

	readTime, writeTime, flushTime, roundTime latency
}

// Metrics is a snapshot of a store's counters since it was opened, and of its space.
type Metrics struct {
	Reads, ReadBytes, ReadErrors uint64
	Writes, WrittenBytes         uint64
	Flushes                      uint64 // requested
	Rounds                       uint64 // done: concurrent flushes share one
	ZoneSyncs                    uint64
	IndexCommits                 uint64 // each one sync of the index's log; a round with changes has one
	Journaled                    uint64 // rounds that one write to the journal made durable
	JournalFailures              uint64 // 1 once the journal has failed and rounds go without it
	Landing                      uint64 // blocks that the journal has, and their slots not yet
	Trims                        uint64
	WalkedBytes                  uint64 // re-encrypted behind
	PunchedBytes, PunchErrors    uint64 // given back to the file system
	AuthFailures                 uint64 // blocks or records that did not authenticate
	VolumeFailures, ZoneFailures uint64
	SweepErrors                  uint64
	AllocatorScans               uint64 // of the index, because the last close was not clean
	DirtyBytes                   uint64
	UsedSlots, TotalSlots        uint64 // FreeSlots is the difference, less zones that have failed
	FreeSlots, DeadSlots         uint64 // dead: given up, and in use until readers or a backup are done
	Volumes, Snapshots, Attached uint64
	ScrubbedBytes, ScrubProblems uint64 // since the open
	ScrubPasses                  uint64
	ScrubProgress                float64 // of the running pass, or the last: 0 to 1
	ScrubPaused                  uint64  // volumes whose key refused in this pass
	ReadTime, WriteTime          Latency
	FlushTime, RoundTime         Latency
	SpaceLow                     bool // writes answer ErrNoSpace: the space reserve is reached
	Failed                       bool // the index has failed: every volume answers EIO
}

// Metrics returns the store's counters.
func (s *Store) Metrics() Metrics {
	m := &s.metrics
	out := Metrics{
		Reads: m.reads.Load(), ReadBytes: m.readBytes.Load(), ReadErrors: m.readErrors.Load(),
		Writes: m.writes.Load(), WrittenBytes: m.writtenBytes.Load(),
		Flushes: m.flushes.Load(), Rounds: m.rounds.Load(), ZoneSyncs: m.zoneSyncs.Load(), Journaled: m.journaled.Load(), JournalFailures: m.journalFailures.Load(), Trims: m.trims.Load(),
		WalkedBytes: m.walkedBytes.Load(), PunchedBytes: m.punchedBytes.Load(), PunchErrors: m.punchErrors.Load(),
		SpaceLow: s.spaceLow.Load(), AuthFailures: m.authFailures.Load(),
		VolumeFailures: m.volumeFailures.Load(), ZoneFailures: m.zoneFailures.Load(), SweepErrors: m.sweepErrors.Load(), AllocatorScans: m.allocatorScans.Load(),
		Failed: s.index.failure() != nil, IndexCommits: s.index.commits.Load(),
		ReadTime: m.readTime.snapshot(), WriteTime: m.writeTime.snapshot(),
		FlushTime: m.flushTime.snapshot(), RoundTime: m.roundTime.snapshot(),
	}
	out.UsedSlots, out.TotalSlots = s.alloc.usage()
	out.FreeSlots = s.alloc.freeSlots()
	out.Landing = uint64(s.landing.count.Load())
	out.DeadSlots = uint64(s.epochs.queued.Load()) + uint64(s.held.len())
	s.scrub.measure(&out)
	s.mu.RLock()
	defer s.mu.RUnlock()
	out.Volumes, out.Snapshots = uint64(len(s.byID)), uint64(len(s.snapshots))
	for _, v := range s.volumes {
		if v.attached {
			out.Attached++
		}
		if v.device != nil {
			out.DirtyBytes += uint64(max(v.device.dirty.Load(), 0))
		}
	}
	return out
}
