package blockstore

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

// promise is what a store has acknowledged of a view, and what it may show besides.
type promise struct {
	key     string
	now     content
	durable content
	since   map[uint64][][]byte // versions that a crash may leave instead
	sure    bool                // it must exist; else it is being made or deleted, and may
	broken  bool                // an operation has failed: not used any more
	dev     *Device
}

func (p *promise) clone() *promise {
	out := &promise{key: p.key, sure: p.sure, broken: p.broken, durable: maps.Clone(p.durable), since: map[uint64][][]byte{}}
	for b, versions := range p.since {
		out.since[b] = slices.Clone(versions)
	}
	return out
}

func (p *promise) flushed() { p.durable, p.since = p.now.clone(), map[uint64][][]byte{} }

// crashPoint is an image and what it must fulfil.
type crashPoint struct {
	op        string
	image     *vfs.MemFS
	anchors   map[string][]byte
	volumes   map[string]*promise
	snapshots map[string]*promise
}

// crashRun drives one store through a history of every kind of operation.
type crashRun struct {
	t       *testing.T
	r       *rand.Rand
	fs      *faultFS
	keys    *testKeys
	options Options
	s       *Store
	version uint64
	faulty  bool // operations may fail
	noise   chan struct{}
	noisy   sync.WaitGroup
	quiet   sync.RWMutex // held alone while images are checked
	checked int

	journaled uint64 // rounds that went through the journal

	mu        sync.Mutex // guards the fields below: an image and its promises are one instant
	volumes   map[string]*promise
	snapshots map[string]*promise
	points    []crashPoint
	imageRand *rand.Rand
}

// testJournal is a size of the journal: none, one that is full soon, or enough.
func testJournal(r *rand.Rand) int64 { return []int64{-1, 40 << 10, 256 << 10}[r.IntN(3)] }

func newCrashRun(t *testing.T, seed uint64) *crashRun {
	c := &crashRun{t: t, r: rand.New(rand.NewPCG(seed, 1)), imageRand: rand.New(rand.NewPCG(seed, 2)),
		fs: newFaultFS(vfs.NewCrashableMem()), keys: newTestKeys(), volumes: map[string]*promise{}, snapshots: map[string]*promise{}}
	c.options = Options{Dir: "/store", FS: c.fs, Keys: c.keys, ZoneSlots: 64, Workers: []int{-1, 0, 2}[c.r.IntN(3)],
		JournalBytes: testJournal(c.r), seams: testSeams()}
	c.options.seams.collect = []int{1, 0, 1000}[c.r.IntN(3)] // 1000: flushes find their blocks in memory
	c.options.seams.sealed = newNonceRecorder(t).record      // of the store and all its images
	return c
}

// capture takes an image now, with the promises made so far.
func (c *crashRun) capture(op string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	// The anchors are another store's: taken before the index, so they may be older, never newer.
	p := crashPoint{op: op, anchors: c.keys.copyAnchors(), volumes: map[string]*promise{}, snapshots: map[string]*promise{}}
	p.image = c.fs.image(c.imageRand)
	for id, v := range c.volumes {
		p.volumes[id] = v.clone()
	}
	for id, sn := range c.snapshots {
		p.snapshots[id] = sn.clone()
	}
	c.points = append(c.points, p)
}

// change alters the promises.
func (c *crashRun) change(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

// done says whether an operation succeeded, and checks the images taken meanwhile.
func (c *crashRun) done(p *promise, err error) bool {
	if !c.faulty {
		require.NoError(c.t, err)
	}
	if err != nil && p != nil {
		c.change(func() { p.broken = true })
	}
	c.drain()
	return err == nil
}

func (c *crashRun) drain() {
	c.quiet.Lock()
	defer c.quiet.Unlock()
	c.mu.Lock()
	points := c.points
	c.points = nil
	c.mu.Unlock()
	for i := range points {
		c.check(&points[i])
		c.checked++
	}
}

func (c *crashRun) open() bool {
	s, err := Open(c.options)
	c.s = s
	return c.done(nil, err)
}

func (c *crashRun) device(p *promise, id string) *Device {
	if p.dev == nil && !p.broken {
		d, err := c.s.Attach(ctx, id)
		if c.done(p, err) {
			p.dev = d
		}
	}
	return p.dev
}

func (c *crashRun) fresh() []byte {
	c.version++
	return bytes.Repeat([]byte(fmt.Sprintf("%016x", c.version)), BlockSize/16)
}

func (c *crashRun) create(id, key string) {
	p := &promise{key: key, now: content{}}
	p.flushed()
	c.change(func() { c.volumes[id] = p })
	_, err := c.s.CreateVolume(ctx, VolumeSpec{ID: id, Key: key, Size: GiB})
	c.change(func() { p.sure = err == nil })
	c.done(p, err)
}

func (c *crashRun) usable(id string) *promise {
	p := c.volumes[id]
	if p == nil || !p.sure || p.broken || c.device(p, id) == nil {
		return nil
	}
	return p
}

func (c *crashRun) put(p *promise, block uint64, v []byte) {
	c.change(func() {
		p.now[block] = v
		p.since[block] = append(p.since[block], v)
	})
}

func (c *crashRun) write(id string) {
	p := c.usable(id)
	if p == nil {
		return
	}
	first, n := modelBlocks[c.r.IntN(36)], 1+c.r.IntN(20)
	var data []byte
	for i := range n {
		v := c.fresh()
		data = append(data, v...)
		c.put(p, first+uint64(i), v)
	}
	_, err := p.dev.WriteAt(data, int64(first)*BlockSize)
	c.done(p, err)
}

func (c *crashRun) writePart(id string) {
	p := c.usable(id)
	if p == nil {
		return
	}
	block, from := modelBlocks[c.r.IntN(36)], c.r.IntN(BlockSize-600)
	v := bytes.Clone(p.now.at(block))
	copy(v[from:from+512], c.fresh())
	c.put(p, block, v)
	_, err := p.dev.WriteAt(v[from:from+512], int64(block)*BlockSize+int64(from))
	c.done(p, err)
}

func (c *crashRun) trim(id string) {
	p := c.usable(id)
	if p == nil {
		return
	}
	first, n := modelBlocks[c.r.IntN(36)], 1+c.r.IntN(20)
	for i := range n {
		c.put(p, first+uint64(i), make([]byte, BlockSize))
	}
	c.done(p, p.dev.Trim(ctx, int64(first)*BlockSize, int64(n)*BlockSize))
}

func (c *crashRun) flush(id string) {
	p := c.usable(id)
	if p == nil {
		return
	}
	err := p.dev.Flush(ctx)
	if err == nil {
		c.change(p.flushed)
	}
	c.done(p, err)
}

func (c *crashRun) snapshot(id, volume string) {
	p := c.usable(volume)
	if p == nil {
		return
	}
	sn := &promise{key: p.key, durable: p.now.clone()}
	c.change(func() { c.snapshots[id] = sn })
	_, err := c.s.CreateSnapshot(ctx, SnapshotRequest{Volume: volume, ID: id})
	if err == nil {
		c.change(func() { p.flushed(); sn.sure = true })
	}
	c.done(p, err)
}

func (c *crashRun) clone(id, snapshot, key string) {
	sn := c.snapshots[snapshot]
	if sn == nil || !sn.sure {
		return
	}
	p := &promise{key: key, now: sn.durable.clone()}
	p.flushed()
	c.change(func() { c.volumes[id] = p })
	_, err := c.s.CloneSnapshot(ctx, snapshot, VolumeSpec{ID: id, Key: key})
	c.change(func() { p.sure = err == nil })
	c.done(p, err)
}

func (c *crashRun) copy(id, snapshot, key string) {
	sn := c.snapshots[snapshot]
	if sn == nil || !sn.sure {
		return
	}
	out := &promise{key: key, durable: sn.durable}
	c.change(func() { c.snapshots[id] = out })
	_, err := c.s.CopySnapshot(ctx, snapshot, CopySpec{ID: id, Key: key})
	c.done(nil, err)
}

// await waits for a copy; with faults it may stay unfinished.
func (c *crashRun) await(id string) {
	sn := c.snapshots[id]
	for deadline := time.Now().Add(10 * time.Second); sn != nil && !sn.sure; time.Sleep(time.Millisecond) {
		w, done, err := c.s.CopyStatus(id)
		if done {
			c.change(func() { sn.sure = true })
		}
		if err != nil || w.Err != nil || c.s.writable() != nil {
			require.True(c.t, c.faulty, "copy: %v %v", err, w.Err)
			return
		}
		if c.faulty && time.Now().After(deadline.Add(-8*time.Second)) {
			return // its volume failed: made at the next open
		}
		require.True(c.t, time.Now().Before(deadline), "the copy does not end")
	}
	c.drain()
}

func (c *crashRun) deleteSnapshot(id string) {
	sn := c.snapshots[id]
	if sn == nil || !sn.sure {
		return
	}
	c.change(func() { sn.sure = false })
	err := c.s.DeleteSnapshot(ctx, id)
	if err == nil {
		c.change(func() { delete(c.snapshots, id) })
	}
	c.done(nil, err)
}

func (c *crashRun) deleteVolume(id string) {
	c.stopNoise()
	p := c.usable(id)
	if p == nil {
		return
	}
	err := p.dev.Detach(ctx)
	p.dev = nil
	if err == nil {
		c.change(p.flushed)
	}
	if !c.done(p, err) {
		return
	}
	c.change(func() { p.sure = false })
	err = c.s.DeleteVolume(ctx, id)
	if err == nil {
		c.change(func() { delete(c.volumes, id) })
	}
	c.done(p, err)
}

// startNoise writes a few blocks of a volume beside the history, which takes slots
// while others are being given up. stopNoise ends that.
func (c *crashRun) startNoise(id string) {
	p := c.usable(id)
	if p == nil || c.r.IntN(2) == 0 {
		return
	}
	d, stop := p.dev, make(chan struct{})
	c.noise = stop
	c.noisy.Go(func() {
		for i := int64(0); ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			c.quiet.RLock()
			_, err := d.WriteAt(fill(BlockSize, uint64(i)), (historyBlocks+i%4)*BlockSize)
			c.quiet.RUnlock()
			if err != nil && !c.faulty {
				c.t.Errorf("noise: %v", err)
			}
			time.Sleep(50 * time.Microsecond)
		}
	})
}

func (c *crashRun) stopNoise() {
	if c.noise != nil {
		close(c.noise)
		c.noisy.Wait()
		c.noise = nil
	}
}

// restart closes cleanly, with a checkpoint, and opens again.
func (c *crashRun) restart() bool {
	c.stopNoise()
	c.journaled += c.s.Metrics().Journaled
	err := c.s.Close()
	for _, p := range c.volumes {
		if err == nil && !p.broken {
			c.change(p.flushed)
		}
		p.dev = nil
	}
	return c.done(nil, err) && c.open()
}

// history is every kind of operation, deletions in odd orders among them.
func (c *crashRun) history() {
	if !c.open() {
		return
	}
	c.create("v1", "one")
	c.write("v1")
	c.startNoise("v1")
	c.writePart("v1")
	c.flush("v1")
	c.write("v1")
	c.trim("v1")
	c.snapshot("s1", "v1")
	c.write("v1")
	c.flush("v1")
	c.clone("c1", "s1", "one")
	c.clone("c2", "s1", "two")
	c.write("c1")
	c.writePart("c2")
	c.flush("c2")
	c.snapshot("s2", "v1")
	c.write("v1")
	c.copy("k1", "s1", "three")
	c.deleteSnapshot("s1")
	c.write("c2")
	c.trim("v1")
	c.flush("v1")
	if !c.restart() {
		return
	}
	c.startNoise("v1")
	c.write("v1")
	c.snapshot("s3", "c1")
	c.write("c1")
	c.deleteVolume("c1")
	c.snapshot("s4", "v1")
	c.write("v1")
	c.deleteSnapshot("s2")
	c.await("k1")
	c.clone("c3", "k1", "three")
	c.deleteSnapshot("k1")
	c.write("c3")
	c.deleteVolume("v1")
	c.deleteSnapshot("s4")
	c.create("v2", "")
	c.write("v2")
	c.flush("c3")
	c.deleteVolume("c2")
	c.deleteSnapshot("s3")
	c.done(nil, c.s.Close())
}

// journalHistory is small flushes of two volumes whose blocks move a lot, and a journal
// that starts over often.
func (c *crashRun) journalHistory() {
	c.options.JournalBytes, c.options.seams.collect = 40<<10, 1000
	if !c.open() {
		return
	}
	c.create("v1", "one")
	c.create("v2", "two")
	for range 12 {
		for range 1 + c.r.IntN(3) {
			id := []string{"v1", "v2"}[c.r.IntN(2)]
			p := c.usable(id)
			if p == nil {
				continue
			}
			block, n := uint64(c.r.IntN(6)), 1+c.r.IntN(2)
			for range n {
				v := c.fresh()
				c.put(p, block, v)
				_, err := p.dev.WriteAt(v, int64(block)*BlockSize)
				c.done(p, err)
			}
			if c.r.IntN(5) == 0 {
				c.trim(id)
			}
			c.flush(id)
		}
		for range c.r.IntN(3) { // too much for the journal, into slots that its entries name
			c.write("v1")
			c.flush("v1")
		}
		if c.r.IntN(9) == 0 && !c.restart() {
			return
		}
	}
	c.journaled += c.s.Metrics().Journaled
	c.done(nil, c.s.Close())
}

// check opens an image and compares it with its promises.
func (c *crashRun) check(p *crashPoint) {
	defer func() {
		if c.t.Failed() {
			c.t.Logf("crash point %s", p.op)
		}
	}()
	h := &history{t: c.t, r: c.r, fs: p.image, keys: c.keys.fork(p.anchors)}
	h.options.Workers, h.options.seams = -1, c.options.seams
	if !slices.Contains([]rule{ruleJournalRewrite, ruleJournalExpected}, h.options.seams.broken) { // those are of opening
		h.options.seams.broken = ""
	}
	h.options.JournalBytes = c.options.JournalBytes
	h.open()
	var devices []*Device
	for id, want := range p.volumes {
		if _, err := h.s.Volume(id); !want.sure && errors.Is(err, ErrNotFound) {
			continue
		}
		d, err := h.s.Attach(ctx, id)
		require.NoError(c.t, err, "%s: volume %s", p.op, id)
		c.compare(p.op+": volume "+id, d, want)
		devices = append(devices, d)
	}
	for id, want := range p.snapshots {
		if _, err := h.s.Snapshot(id); !want.sure && errors.Is(err, ErrNotFound) {
			continue
		}
		v, err := h.s.OpenSnapshot(ctx, id, nil)
		require.NoError(c.t, err, "%s: snapshot %s", p.op, id)
		c.compare(p.op+": snapshot "+id, v, want)
		require.NoError(c.t, v.Close())
	}
	for _, v := range h.s.Volumes() {
		require.Contains(c.t, p.volumes, v.ID, "%s: a deleted volume is back", p.op)
	}
	for _, sn := range h.s.Snapshots() {
		require.Contains(c.t, p.snapshots, sn.ID, "%s: a deleted snapshot is back", p.op)
	}
	for _, d := range devices {
		_, err := d.WriteAt(c.fresh(), int64(modelBlocks[0])*BlockSize)
		require.NoError(c.t, err)
		require.NoError(c.t, d.Flush(ctx))
	}
	h.settle()
	r, err := h.s.Verify(ctx, VerifyOptions{})
	require.NoError(c.t, err)
	require.True(c.t, r.Clean(), "%s: %v %v", p.op, r.Problems, r.Unchecked)
	require.NoError(c.t, h.s.Close())
}

// compare reads a view: each block is durable, or a version since, whole.
func (c *crashRun) compare(what string, d interface {
	ReadAt([]byte, int64) (int, error)
}, want *promise) {
	got := readAll(c.t, d, 0, 64*BlockSize) // the noise is at least authentic
	for b := range uint64(historyBlocks) {
		have := got[b*BlockSize : (b+1)*BlockSize]
		legal := append([][]byte{want.durable.at(b)}, want.since[b]...)
		if !slices.ContainsFunc(legal, func(v []byte) bool { return bytes.Equal(v, have) }) {
			require.Fail(c.t, "a promise is broken", "%s block %d: have %.16q, durable %.16q, %d later versions", what, b, have, want.durable.at(b), len(legal)-1)
		}
	}
}
