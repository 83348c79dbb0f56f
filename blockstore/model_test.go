package blockstore

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

var (
	modelSeed  = flag.Uint64("model.seed", 0, "seed of the metamorphic test; 0 draws one")
	modelRuns  = flag.Int("model.runs", 12, "histories of the metamorphic test")
	modelSteps = flag.Int("model.steps", 250, "operations of a history")
)

// modelBlocks are the blocks that histories touch: few, so that they meet; across
// extent, window and volume ends.
var modelBlocks = func() []uint64 {
	var out []uint64
	for b := range uint64(36) {
		out = append(out, b)
	}
	for b := uint64(250); b < 262; b++ {
		out = append(out, b)
	}
	return append(out, GiB/BlockSize-2, GiB/BlockSize-1)
}()

// content is a view as the model sees it: block to bytes; absent is zeros.
type content map[uint64][]byte

func (c content) clone() content {
	out := content{}
	for b, v := range c {
		out[b] = v
	}
	return out
}

func (c content) at(b uint64) []byte {
	if v := c[b]; v != nil {
		return v
	}
	return make([]byte, BlockSize)
}

// modelVolume knows what a volume shows now and, per block, what it may show after a crash.
type modelVolume struct {
	id      string
	key     string
	now     content
	durable content
	since   map[uint64][][]byte // versions since the last flush
	dev     *Device
}

func (m *modelVolume) put(b uint64, v []byte) {
	m.now[b] = v
	m.since[b] = append(m.since[b], v)
}

func (m *modelVolume) flushed() {
	m.durable, m.since = m.now.clone(), map[uint64][][]byte{}
}

type modelSnapshot struct {
	id, key string
	data    content
}

// history is one run: a store and its model.
type history struct {
	t         *testing.T
	r         *rand.Rand
	fs        *vfs.MemFS
	keys      *testKeys
	s         *Store
	volumes   []*modelVolume
	snapshots []*modelSnapshot
	version   uint64
	options   Options
	log       []string
}

func (h *history) note(format string, args ...any) {
	h.log = append(h.log, fmt.Sprintf(format, args...))
}

func (h *history) open() {
	h.options.Dir, h.options.FS, h.options.Keys, h.options.ZoneSlots = "/store", h.fs, h.keys, 64
	s, err := Open(h.options)
	require.NoError(h.t, err)
	require.Empty(h.t, s.Damage())
	h.s = s
}

func (h *history) device(m *modelVolume) *Device {
	if m.dev == nil {
		d, err := h.s.Attach(ctx, m.id)
		require.NoError(h.t, err)
		m.dev = d
	}
	return m.dev
}

func (h *history) block() uint64 { return modelBlocks[h.r.IntN(len(modelBlocks))] }

func (h *history) fresh() []byte {
	h.version++
	return bytes.Repeat([]byte(fmt.Sprintf("%016x", h.version)), BlockSize/16)
}

func (h *history) write(m *modelVolume) {
	first := h.block()
	n := uint64(1 + h.r.IntN(20))
	if first+n > GiB/BlockSize {
		n = GiB/BlockSize - first
	}
	var data []byte
	for i := range n {
		v := h.fresh()
		data = append(data, v...)
		m.put(first+i, v)
	}
	h.note("write %s %d+%d", m.id, first, n)
	_, err := h.device(m).WriteAt(data, int64(first)*BlockSize)
	require.NoError(h.t, err)
}

func (h *history) writePart(m *modelVolume) {
	b := h.block()
	from, n := h.r.IntN(BlockSize-1), 1+h.r.IntN(600)
	n = min(n, BlockSize-from)
	v := bytes.Clone(m.now.at(b))
	copy(v[from:from+n], h.fresh())
	h.note("part %s %d:%d+%d", m.id, b, from, n)
	_, err := h.device(m).WriteAt(v[from:from+n], int64(b)*BlockSize+int64(from))
	require.NoError(h.t, err)
	m.put(b, v)
}

func (h *history) zero(m *modelVolume) {
	first, n := h.block(), uint64(1+h.r.IntN(40))
	n = min(n, GiB/BlockSize-first)
	for i := range n {
		m.put(first+i, make([]byte, BlockSize))
	}
	d := h.device(m)
	off, size := int64(first)*BlockSize, int64(n)*BlockSize
	h.note("zero %s %d+%d", m.id, first, n)
	switch h.r.IntN(3) {
	case 0:
		require.NoError(h.t, d.Trim(ctx, off, size))
	case 1:
		require.NoError(h.t, d.WriteZeroes(ctx, off, size, ZeroOptions{}))
	default:
		require.NoError(h.t, d.WriteZeroes(ctx, off, size, ZeroOptions{NoHole: true}))
	}
}

func (h *history) check(m *modelVolume) {
	h.compare("volume "+m.id, h.device(m), m.now)
}

func (h *history) compare(what string, d interface {
	ReadAt([]byte, int64) (int, error)
}, want content) {
	for i := 0; i < len(modelBlocks); {
		n := 1
		for i+n < len(modelBlocks) && modelBlocks[i+n] == modelBlocks[i]+uint64(n) {
			n++
		}
		got := make([]byte, n*BlockSize)
		_, err := d.ReadAt(got, int64(modelBlocks[i])*BlockSize)
		require.NoError(h.t, err, what)
		for k := range n {
			b := modelBlocks[i] + uint64(k)
			if !bytes.Equal(want.at(b), got[k*BlockSize:(k+1)*BlockSize]) {
				require.Fail(h.t, "wrong content", "%s block %d: want %.16q have %.16q", what, b, want.at(b), got[k*BlockSize:])
			}
		}
		i += n
	}
}

func (h *history) checkExtents(m *modelVolume) {
	d := h.device(m)
	var at int64
	require.NoError(h.t, d.Extents(ctx, 0, GiB, func(n int64, data bool) bool {
		if !data {
			for _, b := range modelBlocks {
				if off := int64(b) * BlockSize; off >= at && off+BlockSize <= at+n {
					require.Equal(h.t, make([]byte, BlockSize), m.now.at(b), "block %d of a hole", b)
				}
			}
		}
		at += n
		return true
	}))
	require.EqualValues(h.t, GiB, at)
}

func (h *history) snapshot(m *modelVolume) {
	sn, err := h.s.CreateSnapshot(ctx, SnapshotRequest{Volume: m.id})
	require.NoError(h.t, err)
	h.note("snapshot %s of %s", sn.ID, m.id)
	m.flushed()
	h.snapshots = append(h.snapshots, &modelSnapshot{id: sn.ID, key: m.key, data: m.now.clone()})
}

func (h *history) pickKey(source string) string {
	if source == "" {
		return []string{"", "one", "two"}[h.r.IntN(3)]
	}
	return []string{"one", "two", "three"}[h.r.IntN(3)]
}

func (h *history) clone(sn *modelSnapshot) {
	key := h.pickKey(sn.key)
	v, err := h.s.CloneSnapshot(ctx, sn.id, VolumeSpec{Key: key})
	require.NoError(h.t, err)
	h.note("clone %s of %s under %q", v.ID, sn.id, key)
	m := &modelVolume{id: v.ID, key: key, now: sn.data.clone(), since: map[uint64][][]byte{}}
	m.flushed()
	h.volumes = append(h.volumes, m)
}

func (h *history) copy(sn *modelSnapshot) {
	key := h.pickKey(sn.key)
	id, err := h.s.CopySnapshot(ctx, sn.id, CopySpec{Key: key})
	require.NoError(h.t, err)
	h.note("copy %s of %s under %q", id, sn.id, key)
	require.Eventually(h.t, func() bool { _, done, err := h.s.CopyStatus(id); return err == nil && done }, 30*time.Second, time.Millisecond)
	h.snapshots = append(h.snapshots, &modelSnapshot{id: id, key: key, data: sn.data})
}

func (h *history) deleteSnapshot(i int) {
	h.note("delete snapshot %s", h.snapshots[i].id)
	require.NoError(h.t, h.s.DeleteSnapshot(ctx, h.snapshots[i].id))
	h.snapshots = slices.Delete(h.snapshots, i, i+1)
}

func (h *history) deleteVolume(i int) {
	m := h.volumes[i]
	if m.dev != nil {
		require.NoError(h.t, m.dev.Detach(ctx))
	}
	h.note("delete volume %s", m.id)
	require.NoError(h.t, h.s.DeleteVolume(ctx, m.id))
	h.volumes = slices.Delete(h.volumes, i, i+1)
}

// restart closes cleanly, or crashes: then each block may show its durable version or a later one, whole.
func (h *history) restart(crash bool) {
	h.note("restart crash=%v", crash)
	var image *vfs.MemFS
	anchors := h.keys.copyAnchors() // of another store, which has not seen what the index commits meanwhile
	if crash {
		image = h.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 30, 100}[h.r.IntN(3)], RNG: h.r})
	}
	for _, m := range h.volumes {
		m.dev = nil
	}
	require.NoError(h.t, h.s.Close())
	if crash {
		h.fs = image
		h.keys.setAnchors(anchors)
	}
	h.open()
	for _, m := range h.volumes {
		if !crash {
			m.flushed()
			continue
		}
		d := h.device(m)
		for b, versions := range m.since {
			got := readAll(h.t, d, int64(b)*BlockSize, BlockSize)
			legal := append([][]byte{m.durable.at(b)}, versions...)
			ok := slices.ContainsFunc(legal, func(v []byte) bool { return bytes.Equal(v, got) })
			require.True(h.t, ok, "block %d of %s after a crash: %.16q", b, m.id, got)
			m.now[b] = got
		}
		m.flushed()
	}
}

// settle waits for background work and compares the allocator with a rebuild.
func (h *history) settle() {
	for _, m := range h.volumes {
		if m.dev != nil {
			require.NoError(h.t, m.dev.Flush(ctx))
			m.flushed()
		}
	}
	require.Eventually(h.t, func() bool {
		h.s.mu.RLock()
		defer h.s.mu.RUnlock()
		for _, v := range h.s.volumes {
			if v.walking || h.s.sweepable(v) {
				return false
			}
		}
		return true
	}, 30*time.Second, time.Millisecond)
	require.NoError(h.t, h.s.journal.bringHome())
	var want, have []uint64
	for range 2000 { // a walker of a volume that is gone may still give slots back
		want, have = h.bitmaps()
		if slices.Equal(want, have) {
			return
		}
		time.Sleep(time.Millisecond)
	}
	require.Equal(h.t, want, have, "the live bitmap differs from a rebuild")
}

// bitmaps returns the allocator rebuilt from the index, and the live one.
func (h *history) bitmaps() (rebuilt, live []uint64) {
	h.s.epochs.barrier()
	h.s.epochs.barrier()
	fresh := emptyAllocator(h.s)
	require.NoError(h.t, h.s.rebuild(fresh))
	require.Empty(h.t, h.s.Damage())
	h.s.alloc.mu.Lock()
	defer h.s.alloc.mu.Unlock()
	return fresh.used, slices.Clone(h.s.alloc.used)
}

func (h *history) verify() {
	r, err := h.s.Verify(ctx, VerifyOptions{})
	require.NoError(h.t, err)
	require.Empty(h.t, r.Problems)
	require.True(h.t, r.Clean())
	for _, sn := range h.snapshots {
		v, err := h.s.OpenSnapshot(ctx, sn.id, nil)
		require.NoError(h.t, err)
		h.compare("snapshot "+sn.id, v, sn.data)
		require.NoError(h.t, v.Close())
	}
	for _, m := range h.volumes {
		h.check(m)
		h.checkExtents(m)
	}
}

func (h *history) step() {
	if len(h.volumes) == 0 {
		key := []string{"", "one"}[h.r.IntN(2)]
		v, err := h.s.CreateVolume(ctx, VolumeSpec{Size: GiB, Key: key})
		require.NoError(h.t, err)
		h.note("create %s under %q", v.ID, key)
		m := &modelVolume{id: v.ID, key: key, now: content{}}
		m.flushed()
		h.volumes = append(h.volumes, m)
	}
	m := h.volumes[h.r.IntN(len(h.volumes))]
	switch p := h.r.IntN(100); {
	case p < 30:
		h.write(m)
	case p < 40:
		h.writePart(m)
	case p < 50:
		h.zero(m)
	case p < 58:
		h.check(m)
	case p < 66:
		h.note("flush %s", m.id)
		require.NoError(h.t, h.device(m).Flush(ctx))
		m.flushed()
	case p < 74 && len(h.snapshots) < 8:
		h.snapshot(m)
	case p < 79 && len(h.snapshots) > 0 && len(h.volumes) < 6:
		h.clone(h.snapshots[h.r.IntN(len(h.snapshots))])
	case p < 81 && len(h.snapshots) > 0 && len(h.snapshots) < 8:
		h.copy(h.snapshots[h.r.IntN(len(h.snapshots))])
	case p < 87 && len(h.snapshots) > 0:
		h.deleteSnapshot(h.r.IntN(len(h.snapshots)))
	case p < 90:
		h.deleteVolume(h.r.IntN(len(h.volumes)))
	case p < 93:
		h.restart(false)
	case p < 96:
		h.restart(true)
	default:
		h.settle()
	}
}

// TestModel runs random histories against a model of plain byte arrays: writes, trims,
// flushes, snapshots, clones under the same and other keys, copies, deletions in any
// order, clean restarts and crashes. The seed of a failure is printed.
func TestModel(t *testing.T) {
	seed := *modelSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	for run := range *modelRuns {
		seed := seed + uint64(run)
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Logf("seed %d", seed)
			h := &history{t: t, r: rand.New(rand.NewPCG(seed, 0)), fs: vfs.NewCrashableMem(), keys: newTestKeys()}
			h.options.Workers, h.options.seams = []int{-1, 0, 2}[h.r.IntN(3)], testSeams()
			h.options.JournalBytes = testJournal(h.r)
			defer func() {
				if t.Failed() {
					for _, l := range h.log[max(0, len(h.log)-60):] {
						t.Log(l)
					}
				}
			}()
			h.open()
			for range *modelSteps {
				h.step()
			}
			h.settle()
			h.verify()
			for len(h.snapshots) > 0 {
				h.deleteSnapshot(h.r.IntN(len(h.snapshots)))
			}
			for len(h.volumes) > 0 {
				h.deleteVolume(h.r.IntN(len(h.volumes)))
			}
			h.settle()
			used, _ := h.s.alloc.usage()
			if used != 0 {
				for _, v := range h.s.volumes {
					t.Logf("left: %+v pins %v", v.header, v.pins)
					for _, sn := range v.snapshots {
						t.Logf("left: %+v", sn)
					}
				}
			}
			require.Zero(t, used, "space is lost")
			require.NoError(t, h.s.Close())
		})
	}
}
