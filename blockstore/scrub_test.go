package blockstore

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

// fastScrub starts at once and never rests long.
var fastScrub = ScrubOptions{BytesPerSecond: 1 << 40, Delay: time.Hour, Every: time.Hour}

// scrubOnce runs one pass and returns what the scrub knows after it.
func scrubOnce(t *testing.T, s *Store) ScrubStatus {
	t.Helper()
	before := s.Scrub().Passes
	require.NoError(t, s.StartScrub())
	require.Eventually(t, func() bool { return s.Scrub().Passes > before }, 10*time.Second, time.Millisecond)
	return s.Scrub()
}

func newHistoryStore(t *testing.T, o Options) *history {
	h := &history{t: t, r: rand.New(rand.NewPCG(1, 2)), fs: vfs.NewCrashableMem(), keys: newTestKeys(), options: o}
	h.options.seams = testSeams()
	h.open()
	return h
}

// What a scrub finds in a manipulated store: a changed slot, a record that is missing and one
// that was put back. What is intact stays readable, and nothing is found in an intact store.
func TestScrubFinds(t *testing.T) {
	x := newTampered(t)
	opensWith := func(e indexEntry) bool { // and not read-only: its slots have no other owner now
		fs := copyFS(x.now)
		x.edit(fs, func(b *batch) { b.set(e.key, e.value) })
		s, err := x.open(fs, x.anchors)
		require.NoError(t, err)
		defer s.Close()
		return len(s.Damage()) == 0
	}
	var record, old indexEntry // the same record, now and in an earlier life
	for _, earlier := range x.old {
		for _, o := range x.entries(copyFS(earlier)) {
			for _, e := range x.entries(copyFS(x.now)) {
				if e.key[0] == prefixExtent && bytes.Equal(e.key, o.key) && !bytes.Equal(e.value, o.value) && opensWith(o) {
					record, old = e, o
				}
			}
		}
	}
	require.NotNil(t, record.key)
	for _, c := range []struct {
		name, kind string
		tamper     func(fs FS)
	}{
		{"nothing", "", func(FS) {}},
		{"a changed slot", KindBlock, func(fs FS) {
			slot := x.slots["a"][3]
			path := zoneName("/store", int(slot/64))
			data := contentOf(t, fs, path)
			data[slot%64*BlockSize] ^= 1
			require.NoError(t, writeFileSync(fs, path, data))
		}},
		{"a dropped record", KindRecordSet, func(fs FS) { x.edit(fs, func(b *batch) { b.delete(record.key) }) }},
		{"a replayed record", KindRecordSet, func(fs FS) { x.edit(fs, func(b *batch) { b.set(record.key, old.value) }) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			fs := copyFS(x.now)
			c.tamper(fs)
			s, err := Open(Options{Dir: "/store", FS: fs, Keys: x.keys.fork(x.anchors), ZoneSlots: 64, Workers: -1, Scrub: fastScrub})
			require.NoError(t, err)
			defer s.Close()
			st := scrubOnce(t, s)
			require.NoError(t, st.Err)
			require.NotZero(t, st.ScrubbedBytes)
			if c.kind == "" {
				require.Empty(t, st.Problems)
				return
			}
			require.NotEmpty(t, st.Problems)
			require.Contains(t, st.Problems, c.kind)
			require.ErrorIs(t, st.Problems[c.kind], ErrCorrupt)
			require.EqualValues(t, sum(st.Counts), s.Metrics().ScrubProblems)
		})
	}
}

func sum(counts map[string]int64) (n int64) {
	for _, c := range counts {
		n += c
	}
	return n
}

// A volume whose key refuses is named and passed over; with its key it is read again.
func TestScrubPauses(t *testing.T) {
	h := newHistoryStore(t, Options{Scrub: fastScrub})
	for _, key := range []string{"one", "two"} {
		_, err := h.s.CreateVolume(ctx, VolumeSpec{ID: "vol-" + key, Size: GiB, Key: key})
		require.NoError(t, err)
		d, err := h.s.Attach(ctx, "vol-"+key)
		require.NoError(t, err)
		_, err = d.WriteAt(fill(1<<20, 7), 0)
		require.NoError(t, err)
		require.NoError(t, d.Flush(ctx))
	}
	h.keys.disable("one", true)
	st := scrubOnce(t, h.s)
	require.Len(t, st.Paused, 1)
	require.Contains(t, st.Paused[0], "vol-one")
	require.GreaterOrEqual(t, st.PassBytes, uint64(1<<20))
	require.Less(t, st.PassBytes, uint64(2<<20))
	h.keys.disable("one", false)
	st = scrubOnce(t, h.s)
	require.Empty(t, st.Paused)
	require.GreaterOrEqual(t, st.PassBytes, uint64(2<<20))
}

// A scrub beside writers, snapshots and deletions finds nothing, and holds up no flush.
func TestScrubBesideWork(t *testing.T) {
	h := newHistoryStore(t, Options{Scrub: ScrubOptions{BytesPerSecond: 32 << 20, Delay: time.Millisecond, Every: time.Millisecond}})
	_, err := h.s.CreateVolume(ctx, VolumeSpec{ID: "v", Size: GiB, Key: "one"})
	require.NoError(t, err)
	d, err := h.s.Attach(ctx, "v")
	require.NoError(t, err)
	for i := range uint64(40) {
		_, err := d.WriteAt(fill(64*BlockSize, i), int64(i*31%97)*BlockSize)
		require.NoError(t, err)
		began := time.Now()
		require.NoError(t, d.Flush(ctx))
		require.Less(t, time.Since(began), 5*time.Second)
		if i%4 == 0 {
			_, err := h.s.CreateSnapshot(ctx, SnapshotRequest{Volume: "v", ID: "s"})
			require.NoError(t, err)
		}
		if i%4 == 2 {
			require.NoError(t, h.s.DeleteSnapshot(ctx, "s"))
		}
	}
	require.Eventually(t, func() bool { return h.s.Scrub().Passes > 2 }, 20*time.Second, time.Millisecond)
	require.Empty(t, h.s.Scrub().Problems)
	require.NoError(t, h.s.Close())
}

// The rate is kept.
func TestScrubRate(t *testing.T) {
	p := &pacer{rate: 1 << 20}
	began := time.Now()
	for range 8 {
		require.NoError(t, p.take(64<<10))
	}
	require.GreaterOrEqual(t, time.Since(began), 450*time.Millisecond)
	stop := make(chan struct{})
	close(stop)
	p = &pacer{rate: 1, stop: stop}
	require.ErrorIs(t, p.take(1<<20), errPaceStopped)
}
