package blockstore

import (
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/stretchr/testify/require"

	"coffer.example/aead"
)

var recoverExtents = flag.Int("recover.extents", 1<<16, "extents of BenchmarkRecovery, each about 480 bytes of index")

// A rebuild by several goroutines marks what the records name, and finds what two ranges name both.
func TestRebuildRanges(t *testing.T) {
	const extents = 1 << 16
	dir, keys := t.TempDir(), newTestKeys()
	fabricate(t, dir, keys, extents)
	s, err := Open(Options{Dir: dir, Keys: keys})
	require.NoError(t, err)
	require.Empty(t, s.Damage())
	bounds, err := s.index.extentBounds()
	require.NoError(t, err)
	require.Greater(t, len(bounds), 2, "one range only")
	used, total := s.alloc.usage()
	require.EqualValues(t, extents*ExtentBlocks, used)
	require.Equal(t, used, total)
	require.Zero(t, s.alloc.freeSlots())
	require.NoError(t, s.Close())

	s, err = Open(Options{Dir: dir, Keys: keys})
	require.NoError(t, err)
	defer s.Close()
	require.Zero(t, s.Metrics().AllocatorScans)
	used, _ = s.alloc.usage()
	require.EqualValues(t, extents*ExtentBlocks, used, "from the checkpoint")
	require.Zero(t, s.alloc.freeSlots())
	var volume uint32
	for n := range s.volumes {
		volume = n
	}
	macKey := aead.MACKeyFromSecret(aead.NewSecret(make([]byte, 32))) // a scan does not authenticate
	change := func(extent uint64, generation uint32, f func(r *extentRecord)) {
		var r extentRecord
		v, err := s.index.get(appendExtentKey(nil, volume, extent, 1))
		require.NoError(t, err)
		_, err = decodeExtent(v, &r)
		require.NoError(t, err)
		f(&r)
		b := s.index.newBatch()
		b.set(appendExtentKey(nil, volume, extent, generation), encodeExtent(nil, &r, macKey, aead.ID{}, extent, generation))
		require.NoError(t, s.index.commit(b))
	}
	const foreign = 77 // a session of another volume
	b := s.index.newBatch()
	b.set(numberKey(prefixSession, foreign), (&sessionRecord{volume: volume + 1}).encode())
	require.NoError(t, s.index.commit(b))

	var taken, lent uint64
	change(9, 2, func(*extentRecord) {}) // the same again under a newer generation
	change(9, 4, func(*extentRecord) {})
	change(9, 3, func(r *extentRecord) { r.clearBlock(2, true) }) // no neighbour of the last names its block
	change(extents-1, 1, func(r *extentRecord) { taken = r.slots[3] })
	change(extents-2, 1, func(r *extentRecord) { lent = r.slots[4] })
	change(5, 1, func(r *extentRecord) { r.slots[7] = taken })                                // its slot is free now
	change(6, 1, func(r *extentRecord) { r.slots[8], r.sessions[8] = lent, foreign })         // likewise
	change(extents/2, 1, func(r *extentRecord) { r.slots[1] = total })                        // likewise
	change(extents/4, 1, func(r *extentRecord) { lent, r.sessions[6] = r.slots[6], foreign }) // likewise
	fresh := emptyAllocator(s)
	require.NoError(t, s.rebuild(fresh))
	found := map[string]int64{}
	for _, err := range s.Damage() {
		var damage *CorruptError
		require.ErrorAs(t, err, &damage)
		found[damage.Detail] = damage.Slot
	}
	require.Equal(t, map[string]int64{
		"slot has two owners":                                int64(taken),
		"slot is beyond the last zone":                       int64(total),
		"a flattened record names a slot that no parent has": int64(lent),
	}, found)
	require.Len(t, s.Damage(), 3)
	require.EqualValues(t, 4, fresh.freeSlots())
}

// emptyAllocator returns an allocator for a rebuild of the store's.
func emptyAllocator(s *Store) *allocator {
	a := newAllocator(s.super.zoneSlots, 0)
	for range s.alloc.zones() {
		a.addZone()
	}
	return a
}

// BenchmarkRecovery opens what a crash leaves of a store, with a log to replay, and scans its index:
// bytes are those of the index. Its records are of blocks that were overwritten at random.
func BenchmarkRecovery(b *testing.B) {
	dir, keys := b.TempDir(), newTestKeys()
	fabricate(b, dir, keys, *recoverExtents)
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			s, err := Open(Options{Dir: dir, Keys: keys, ReadOnly: true})
			require.NoError(b, err)
			require.Empty(b, s.Damage())
			require.EqualValues(b, 1, s.Metrics().AllocatorScans)
			require.NoError(b, s.Close())
		}
		b.SetBytes(directorySize(b, filepath.Join(dir, "index")))
	})
	b.Run("scan", func(b *testing.B) {
		s, err := Open(Options{Dir: dir, Keys: keys, ReadOnly: true})
		require.NoError(b, err)
		defer s.Close()
		for b.Loop() {
			require.NoError(b, s.rebuild(emptyAllocator(s)))
		}
		b.SetBytes(directorySize(b, filepath.Join(dir, "index")))
	})
}

// fabricate makes what a crash would leave of a store with one volume whose every block has a
// record; there is no data.
func fabricate(tb testing.TB, dir string, keys *testKeys, extents int) {
	running := tb.TempDir()
	s, err := Open(Options{Dir: running, Keys: keys, JournalBytes: -1})
	require.NoError(tb, err)
	defer s.Close() // its error is of no interest: the index knows slots that are not there
	size := (int64(extents)*ExtentSize + GiB - 1) / GiB * GiB
	v, err := s.CreateVolume(ctx, VolumeSpec{Size: size})
	require.NoError(tb, err)
	d, err := s.Attach(ctx, v.ID)
	require.NoError(tb, err)
	_, err = d.WriteAt(make([]byte, BlockSize), 0)
	require.NoError(tb, err)
	require.NoError(tb, d.Flush(ctx))
	first, err := d.record(0)
	require.NoError(tb, err)
	r := rand.New(rand.NewPCG(1, 2))
	var value []byte
	for at := 0; at < extents; at += batchExtents {
		batch := s.index.newBatch()
		places := r.Perm(batchExtents * ExtentBlocks)
		for e := at; e < min(at+batchExtents, extents); e++ {
			rec := &extentRecord{present: ^uint16(0)}
			for i := range ExtentBlocks {
				rec.sessions[i] = first.sessions[0]
				rec.slots[i] = uint64(at*ExtentBlocks + places[(e-at)*ExtentBlocks+i])
				rec.sequences[i] = 1 + r.Uint64N(1<<20)
				rec.tags[i] = [16]byte(fill(16, r.Uint64()))
			}
			value = encodeExtent(value[:0], rec, d.keys[0].index, d.rid, uint64(e), 1)
			batch.set(appendExtentKey(nil, d.number, uint64(e), 1), value)
		}
		require.NoError(tb, s.index.commitWith(batch.b, pebble.NoSync))
	}
	require.NoError(tb, s.index.checkpoint(filepath.Join(dir, "index")))
	for _, name := range []string{"SUPER.A", "SUPER.B"} {
		b, err := os.ReadFile(filepath.Join(running, name))
		require.NoError(tb, err)
		require.NoError(tb, os.WriteFile(filepath.Join(dir, name), b, 0o600))
	}
	require.NoError(tb, os.Mkdir(filepath.Join(dir, "data"), 0o700))
	for n := range int(size / GiB) {
		require.NoError(tb, os.WriteFile(zoneName(dir, n), nil, 0o600))
		require.NoError(tb, os.Truncate(zoneName(dir, n), GiB))
	}
}

func directorySize(tb testing.TB, dir string) (total int64) {
	entries, err := os.ReadDir(dir)
	require.NoError(tb, err)
	for _, e := range entries {
		info, err := e.Info()
		require.NoError(tb, err)
		total += info.Size()
	}
	return total
}
