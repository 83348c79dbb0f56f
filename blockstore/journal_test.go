package blockstore

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

// isJournal also takes the name under which the file was made.
func isJournal(path string) bool { return strings.Contains(path, "/journal") }

// A small flush costs one write to the journal, and no sync of zones or index; it
// survives every crash, also one long after the journal has started over.
func TestJournaledFlush(t *testing.T) {
	f := newFailingJournal(t, 64<<10, "a", "b")
	f.put("a", 0, 1) // makes the zone
	before := f.s.Metrics()
	for i := range int64(40) { // about seven entries fill the journal
		f.put("a", i%5, uint64(10+i))
		f.put("b", i%3, uint64(100+i))
	}
	m := f.s.Metrics()
	require.EqualValues(t, 80, m.Journaled-before.Journaled)
	require.Equal(t, before.IndexCommits, m.IndexCommits)
	require.Less(t, m.ZoneSyncs-before.ZoneSyncs, uint64(30), "only when it starts over")
	for range 3 {
		f.crash()
		for i := range int64(5) {
			f.expect("a", i, uint64(45+i))
		}
		f.expect("b", 0, 139)
		f.expect("b", 1, 137)
		f.expect("b", 2, 138)
		f.sound()
	}
}

// A large flush, or one whose blocks have left memory, goes its own way; so do the
// records of both after a crash.
func TestJournalAndLargeFlushes(t *testing.T) {
	f := newFailingJournal(t, 256<<10, "a")
	for round := range uint64(6) {
		data := fill(100*BlockSize, round)
		_, err := f.devices["a"].WriteAt(data, 0)
		require.NoError(t, err)
		require.NoError(t, f.devices["a"].Flush(ctx))
		f.put("a", 3, 1000+round)
		f.crash()
		copy(data[3*BlockSize:], fill(BlockSize, 1000+round))
		require.Equal(t, data, readAll(t, f.devices["a"], 0, len(data)))
		f.sound()
	}
}

// When the journal cannot be written, flushes go without it.
func TestJournalFails(t *testing.T) {
	for _, kind := range []fsOp{opWrite, opSync} {
		t.Run(string(kind), func(t *testing.T) {
			f := newFailingJournal(t, 256<<10, "a")
			f.put("a", 0, 1)
			f.fault(func(name fsOp, path string) bool { return name == kind && isJournal(path) })
			f.put("a", 0, 2)
			f.put("a", 1, 3)
			require.EqualValues(t, 1, f.s.Metrics().JournalFailures)
			f.faults.setOp(nil)
			f.put("a", 1, 4)
			f.crash()
			f.expect("a", 0, 2)
			f.expect("a", 1, 4)
			f.put("a", 1, 5)
			require.EqualValues(t, 1, f.s.Metrics().Journaled)
			f.crash()
			f.expect("a", 1, 5)
			f.sound()
		})
	}
}

// When a zone that the journal stands for cannot be synced, the journal keeps what it
// has, and flushes go without it.
func TestJournalKeepsUnsyncedZone(t *testing.T) {
	f := newFailingJournal(t, 40<<10, "a")
	f.put("a", 0, 1)
	f.fault(func(name fsOp, path string) bool { return name == opSync && isZone(path) })
	last := uint64(1)
	for i := range uint64(20) { // some are journaled, then one is not
		if f.write("a", 0, 10+i) != nil || f.devices["a"].Flush(ctx) != nil {
			break
		}
		last = 10 + i
	}
	require.Greater(t, last, uint64(10))
	require.Less(t, last, uint64(29), "without a sync there must be an end")
	f.faults.setOp(nil)
	f.crash()
	p := readAll(t, f.devices["a"], 0, BlockSize)
	require.Contains(t, [][]byte{fill(BlockSize, last), fill(BlockSize, last+1)}, p)
	f.sound()
}

// A store with writes in its journal alone is not opened read-only.
func TestJournalReadOnly(t *testing.T) {
	f := newFailingJournal(t, 256<<10, "a")
	f.put("a", 0, 1)
	o := f.opts
	o.FS, o.ReadOnly = f.fs.CrashClone(vfs.CrashCloneCfg{}), true
	_, err := Open(o)
	require.ErrorIs(t, err, ErrUnclean)

	require.NoError(t, f.s.index.sync()) // the index has it now, its slot has not
	o.FS = f.fs.CrashClone(vfs.CrashCloneCfg{})
	s, err := Open(o)
	require.NoError(t, err)
	report, err := s.Verify(ctx, VerifyOptions{})
	require.NoError(t, err)
	require.True(t, report.Clean(), "%v", report.Problems)
	require.NoError(t, s.Close())

	o.ReadOnly = false
	s, err = Open(o)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	o.ReadOnly = true
	s, err = Open(o)
	require.NoError(t, err)
	require.NoError(t, s.Close())
}

func FuzzJournalEntry(f *testing.F) {
	j := &journal{buf: alignedBuffer(journalMaxEntry)}
	refs := []journalRef{{1, 2, 3, 4, 5}, {6, 7, 15, 1<<40 - 1, 1 << 63}}
	f.Add(append([]byte(nil), j.encode(7, []byte("batch"), refs)...))
	f.Add(append([]byte(nil), j.encode(8, nil, nil)...))
	f.Add(make([]byte, BlockSize))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, ok := j.decodeEntry(b)
		if !ok {
			return
		}
		copy(j.buf[journalMaxHead:], e.data)
		require.Equal(t, b[:e.size], j.encode(e.number, e.batch, e.refs))
	})
}

// A flushed block is read from memory until its slot is written. A slot that is given up
// before that gets no new owner until then: the late write would destroy the owner's block.
func TestLandingKeepsSlots(t *testing.T) {
	f := newFailingJournal(t, 256<<10, "a")
	f.put("a", 1, 1) // makes the zone
	require.NoError(t, f.s.journal.bringHome())
	put := func(seed uint64) (slot uint64) {
		f.put("a", 0, seed)
		f.expect("a", 0, seed)
		r, err := f.devices["a"].record(0)
		require.NoError(t, err)
		return r.slots[0]
	}
	first := put(2)
	require.EqualValues(t, 1, f.s.landing.left.Load(), "it waits for others")
	used := func(slot uint64) bool { return f.s.alloc.usedOf(0)[slot/64]>>(slot%64)&1 == 1 }
	second := put(3)
	require.NotEqual(t, first, second)
	require.True(t, used(first), "its late write would hit the next owner")
	require.NoError(t, f.s.journal.bringHome())
	require.Zero(t, f.s.landing.count.Load())
	require.False(t, used(first))
	require.True(t, used(second))
	f.expect("a", 0, 3)
	f.sound()
}

// A write to a slot that fails after its block was flushed fails the volume. The block is
// read from memory, the journal keeps it, and the next open writes it to its slot.
func TestLandingFails(t *testing.T) {
	f := newFailingJournal(t, 256<<10, "a", "b")
	f.put("a", 0, 1)
	require.NoError(t, f.s.journal.bringHome())
	f.fault(func(name fsOp, path string) bool { return name == opWrite && isZone(path) })
	f.put("a", 0, 2)
	require.ErrorIs(t, f.s.journal.bringHome(), errInjected)
	f.faults.setOp(nil)
	require.ErrorIs(t, f.write("a", 0, 3), ErrFailed)
	require.EqualValues(t, 1, f.s.Metrics().VolumeFailures)
	f.put("b", 0, 4) // without the journal
	require.EqualValues(t, 1, f.s.Metrics().JournalFailures)
	require.ErrorIs(t, f.devices["a"].Detach(ctx), ErrFailed)
	f.attach("a")
	f.expect("a", 0, 2)
	f.put("a", 1, 5)
	require.Error(t, f.s.Close(), "not clean: the next open needs the journal")
	f.reopen()
	f.attach("a")
	f.attach("b")
	f.expect("a", 0, 2)
	f.expect("a", 1, 5)
	f.expect("b", 0, 4)
	f.put("a", 0, 6)
	f.sound()
}

// A slot that a round gives up is free only after what gives it up is durable: the write of the
// journal, or the index's synced commit.
func TestSlotsAreHeldUntilCommit(t *testing.T) {
	for _, journal := range []int64{-1, 256 << 10} {
		f := newFailingJournal(t, journal, "a")
		f.put("a", 0, 1)
		require.NoError(t, f.s.journal.bringHome())
		r, err := f.devices["a"].record(0)
		require.NoError(t, err)
		slot := r.slots[0]
		used := func() bool { return f.s.alloc.usedOf(0)[slot/64]>>(slot%64)&1 == 1 }
		var looked, free atomic.Bool
		f.faults.setOp(func(_ int, name fsOp, path string, done bool) error {
			if !done && (name == opWrite && isJournal(path) || name == opSync && inIndex(path)) {
				looked.Store(true)
				if !used() {
					free.Store(true)
				}
			}
			return nil
		})
		f.put("a", 0, 2)
		f.faults.setOp(nil)
		require.True(t, looked.Load())
		require.False(t, free.Load(), "journal %d", journal)
		require.NoError(t, f.s.journal.bringHome())
		require.False(t, used())
		f.sound()
	}
}
