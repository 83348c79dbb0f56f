package blockstore

import (
	"cmp"
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"coffer.example/internal/invariants"
)

// round is one flush of a volume: freeze the dirty map, wait for its device writes,
// sync the zones, commit the records. Everybody who joined before the freeze is covered,
// and who joined later while nothing had changed.
type round struct {
	done  chan struct{}
	err   error         // valid once done is closed
	froze atomic.Uint64 // number of the set it has frozen, or 0
}

// rounder runs the rounds of a device one at a time; callers join the next one, or run
// it where none is running.
type rounder struct {
	mu      sync.Mutex // guards the fields below
	next    *round
	running *round // or nil
	stopped bool

	led sync.WaitGroup // rounds that callers run

	wake  chan struct{}
	quit  chan struct{}
	ended chan struct{}
}

func (r *rounder) start(d *Device) {
	r.wake, r.quit, r.ended = make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
	go r.loop(d)
}

// join returns a round that has not frozen the map yet.
func (r *rounder) join() *round {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		done := &round{done: make(chan struct{}), err: ErrDetached}
		close(done.done)
		return done
	}
	if r.next == nil {
		r.next = &round{done: make(chan struct{})}
	}
	select {
	case r.wake <- struct{}{}:
	default:
	}
	return r.next
}

// take takes the next round to run it, if there is one and none is running.
func (r *rounder) take() *round {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running != nil || r.next == nil {
		return nil
	}
	n := r.next
	r.next, r.running = nil, n
	return n
}

// run runs a round that was taken, and sees to the one that callers have joined meanwhile.
func (r *rounder) run(d *Device, n *round) {
	n.err = d.runRound(n)
	r.mu.Lock()
	r.running = nil
	more := r.next != nil
	r.mu.Unlock()
	close(n.done)
	if more {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

// flush runs a round, or joins the one that is running if it covers all that was
// acknowledged, else the next. A caller that runs it spares two hand-overs between goroutines.
func (r *rounder) flush(d *Device) *round {
	r.mu.Lock()
	if n := r.running; n != nil && d.coveredBy(n) {
		r.mu.Unlock()
		return n
	}
	if r.stopped || r.running != nil || r.next != nil {
		r.mu.Unlock()
		return r.join()
	}
	n := &round{done: make(chan struct{})}
	r.running = n
	r.led.Add(1)
	r.mu.Unlock()
	defer r.led.Done()
	r.run(d, n)
	return n
}

// coveredBy says whether nothing has changed since a round froze its set. A set that a
// snapshot has frozen since then is not the round's.
func (d *Device) coveredBy(n *round) bool {
	d.freezeMu.RLock()
	defer d.freezeMu.RUnlock()
	return d.active.number == n.froze.Load()+1 && !d.active.touched.Load()
}

// idle says whether no round runs or has been joined.
func (r *rounder) idle() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.running == nil && r.next == nil
}

func (r *rounder) loop(d *Device) {
	defer close(r.ended)
	tick := time.NewTicker(flushInterval)
	defer tick.Stop()
	for {
		select {
		case <-r.wake:
		case <-tick.C:
			if d.dirty.Load() > 0 && d.failure() == nil {
				r.join()
			}
		case <-r.quit:
			return
		}
		if n := r.take(); n != nil {
			r.run(d, n)
		}
	}
}

// stop ends the loop; a round that nobody has run yet fails.
func (r *rounder) stop() {
	r.mu.Lock()
	r.stopped = true
	r.mu.Unlock()
	close(r.quit)
	<-r.ended
	r.led.Wait()
	if n := r.take(); n != nil {
		n.err = ErrDetached
		close(n.done)
	}
}

func (d *Device) runRound(n *round) error {
	d.vol.roundMu.Lock()
	defer d.vol.roundMu.Unlock()
	if err := d.usable(); err != nil {
		return err
	}
	began := time.Now()
	set, _ := d.freeze()
	n.froze.Store(set.number)
	defer d.store.metrics.roundTime.since(began)
	return d.commitFrozen(set, nil)
}

// freeze makes the active map the frozen one and returns the last sequence that can
// be in it. It needs roundMu.
func (d *Device) freeze() (*dirtySet, uint64) {
	d.freezeMu.Lock()
	defer d.freezeMu.Unlock()
	return d.freezeLocked()
}

func (d *Device) freezeLocked() (*dirtySet, uint64) {
	set := d.active
	d.active = &dirtySet{owner: d, number: set.number + 1}
	for i := range d.shards {
		sh := &d.shards[i]
		sh.mu.Lock()
		sh.active, sh.frozen, sh.spare = sh.spare, sh.active, sh.frozen
		sh.mu.Unlock()
	}
	return set, d.store.sequence.Load()
}

// commitFrozen makes the frozen map durable: through the journal if it is small, else
// in this order: device writes, zone syncs, one synced batch of records. Only then are
// old slots given back. snap, if given, becomes a snapshot in the same batch. It needs roundMu.
func (d *Device) commitFrozen(set *dirtySet, snap *snapshotHeader) error {
	w, err := d.buildRound(snap)
	if err != nil {
		return d.fail(err)
	}
	if w != nil && d.store.seams.without(ruleDeferredRelease) {
		d.store.release(w.freed)
		w.freed = nil
	}
	done := false
	if w != nil && snap == nil {
		if done, err = d.commitJournaled(set, w); err != nil {
			return err
		}
	}
	if !done {
		if err := d.commitInPlace(set, w); err != nil {
			if w != nil && w.entry != 0 {
				d.store.voidEntry(w.entry)
			}
			return err
		}
	}
	if w != nil {
		d.publish(w, snap)
	}
	d.thaw()
	if w != nil {
		d.store.release(w.freed)
	}
	d.store.metrics.rounds.Add(1)
	return nil
}

// commitInPlace waits for the device writes, syncs the zones and commits the records,
// if there are any.
func (d *Device) commitInPlace(set *dirtySet, w *roundWork) error {
	d.store.stager.await(&set.pending)
	if err := set.failure(); err != nil {
		return d.fail(err)
	}
	if err := d.syncZones(); err != nil {
		return err
	}
	if w == nil {
		return nil
	}
	if err := d.store.index.commit(w.batch); err != nil {
		return d.fail(err)
	}
	return nil
}

// syncZones syncs every zone that a frozen block lies in.
func (d *Device) syncZones() error {
	zones := map[*zone]struct{}{}
	var last *zone
	for i := range d.shards {
		for _, e := range d.shards[i].frozen { // immutable under roundMu
			for m := e.present; m != 0; m &= m - 1 {
				if z := e.blocks[bits.TrailingZeros16(m)].write.zone; z != last {
					zones[z], last = struct{}{}, z
				}
			}
		}
	}
	if d.store.seams.without(ruleSyncBeforeCommit) {
		return nil
	}
	for z := range zones {
		d.store.metrics.zoneSyncs.Add(1)
		if err := z.sync(); err != nil {
			d.store.failZone(z, err)
			return d.fail(err)
		}
	}
	return nil
}

// failZone takes a zone whose sync has failed out of use and fails every volume with
// blocks in it that are not durable: the failed sync has consumed their error too.
func (s *Store) failZone(z *zone, err error) {
	s.alloc.retire(z.number)
	s.metrics.zoneFailures.Add(1)
	s.mu.RLock()
	var devices []*Device
	for _, v := range s.volumes {
		if v.device != nil {
			devices = append(devices, v.device)
		}
	}
	s.mu.RUnlock()
	for _, d := range devices {
		if d.dirtyIn(z) {
			_ = d.fail(err)
		}
	}
}

func (d *Device) dirtyIn(z *zone) bool {
	for i := range d.shards {
		sh := &d.shards[i]
		sh.mu.Lock()
		for _, m := range [2]map[uint64]*dirtyExtent{sh.active, sh.frozen} {
			for _, e := range m {
				for bm := e.present; bm != 0; bm &= bm - 1 {
					if e.blocks[bits.TrailingZeros16(bm)].write.zone == z {
						sh.mu.Unlock()
						return true
					}
				}
			}
		}
		sh.mu.Unlock()
	}
	return false
}

// roundWork is one batch in the making.
type roundWork struct {
	batch   *batch
	header  volumeHeader    // the next header
	last    *snapshotHeader // L of the free rule
	freeing bool            // a snapshot is being freed: extents may have older records than L allows
	freed   []uint64
	extents []uint64
	records []*extentRecord // nil where the extent has none any more
	scratch []byte
	lookup  lookup
	entry   uint64 // number of a journal entry that may or may not have been written
}

// buildRound turns the frozen map into a batch; nil if there is nothing to commit.
func (d *Device) buildRound(snap *snapshotHeader) (*roundWork, error) {
	w := &roundWork{batch: d.store.index.newBatch(), header: *d.header(), lookup: lookup{ix: d.store.index}}
	defer w.lookup.close()
	w.last, w.freeing = d.lastSnapshot()
	for _, f := range d.frozenExtents() {
		if err := d.buildExtent(w, f.extent, f.dirty); err != nil {
			return nil, err
		}
	}
	if len(w.extents) == 0 && snap == nil {
		return nil, nil
	}
	w.header.currentView.counter++
	if snap != nil {
		if err := snap.seal(d.keys[0], d.store.rand, d.rid, &w.header.currentView); err != nil {
			return nil, err
		}
		w.batch.set(snapshotKey(snap.volume, snap.generation), snap.encode())
		w.header.generation++
		w.header.currentView.births = view{}.births
	}
	if err := w.header.seal(d.keys[0], d.store.rand); err != nil {
		return nil, err
	}
	w.batch.set(numberKey(prefixVolume, d.number), w.header.encode())
	return w, nil
}

// frozenExtent is an entry of the frozen map.
type frozenExtent struct {
	extent uint64
	dirty  *dirtyExtent
}

// frozenExtents returns the frozen map in ascending order, which the index takes and gives
// records fastest in. It needs roundMu.
func (d *Device) frozenExtents() []frozenExtent {
	n := 0
	for i := range d.shards {
		n += len(d.shards[i].frozen) // immutable under roundMu
	}
	out := make([]frozenExtent, 0, n)
	for i := range d.shards {
		for extent, e := range d.shards[i].frozen {
			out = append(out, frozenExtent{extent, e})
		}
	}
	slices.SortFunc(out, func(a, b frozenExtent) int { return cmp.Compare(a.extent, b.extent) })
	return out
}

func (d *Device) lastSnapshot() (last *snapshotHeader, freeing bool) {
	d.store.mu.RLock()
	defer d.store.mu.RUnlock()
	freeing = slices.ContainsFunc(d.vol.snapshots, func(sn *snapshotHeader) bool { return sn.state == snapshotDeleting })
	return d.vol.lastSnapshot(), freeing
}

// buildExtent applies the free rule (doc.go) to one dirty extent.
func (d *Device) buildExtent(w *roundWork, extent uint64, e *dirtyExtent) error {
	old, err := d.store.readRecord(&w.lookup, recordKey{d.number, currentView, extent}, d.rid, d.keys[0].index)
	if err != nil {
		return err
	}
	next := new(extentRecord)
	if old != nil {
		*next = *old
	}
	for i := range ExtentBlocks {
		present, zero := e.present>>i&1 == 1, e.zero>>i&1 == 1
		if !present && !zero {
			continue
		}
		if old != nil && old.has(i) {
			if err := d.retire(w, extent, i, old); err != nil {
				return err
			}
		}
		if present {
			next.set(i, e.blocks[i])
		} else {
			next.clearBlock(i, len(d.levels()) > 0)
		}
	}
	return d.putRecord(w, extent, old, next)
}

// retire decides what happens to the slot of a block that is overwritten or trimmed:
// free it once the batch is durable, or keep it for the snapshots that show it.
func (d *Device) retire(w *roundWork, extent uint64, i int, old *extentRecord) error {
	s, err := d.sessions.get(old.sessions[i])
	if err != nil {
		return err
	}
	if s.volume != d.number {
		return nil // a flattened record names a parent's slot; the parent's pin keeps it
	}
	if w.last == nil || old.sequences[i] > w.last.sequence || d.store.seams.without(ruleBirth) {
		w.freed = append(w.freed, old.slots[i])
		return nil
	}
	w.batch.set(deadKey(d.number, w.header.generation, extent, i), appendDeadValue(nil, old.slots[i], old.sequences[i]))
	return nil
}

// putRecord replaces an extent's newest record (old, or nil) by next, and deletes the
// older records that no snapshot shows.
func (d *Device) putRecord(w *roundWork, extent uint64, old, next *extentRecord) error {
	gen, key := w.header.generation, d.keys[0]
	fresh := old == nil || old.generation != gen // the generation has no record of the extent yet
	if old != nil {
		w.header.currentView.records.Sub(key.recordPRF(d.rid, extent, old.generation, old.mac))
		if fresh || w.freeing && !d.store.seams.without(ruleOlderRecords) { // a slot that retire frees must not be named by an older record
			if err := d.deleteOlder(w, extent, old.generation); err != nil {
				return err
			}
		}
	}
	w.extents = append(w.extents, extent)
	// An empty record is kept where an older one may need to be masked: never in generation 1.
	if next.covered() == 0 && (old == nil || gen == 1) {
		if old != nil {
			w.batch.delete(appendExtentKey(nil, d.number, extent, gen))
		}
		w.records = append(w.records, nil)
		return nil
	}
	next.generation = gen
	w.scratch = encodeExtent(w.scratch[:0], next, key.index, d.rid, extent, gen)
	w.batch.set(appendExtentKey(nil, d.number, extent, gen), w.scratch)
	w.header.currentView.records.Add(key.recordPRF(d.rid, extent, gen, next.mac))
	if fresh && w.last != nil {
		w.batch.set(birthKey(d.number, gen, extent), nil)
		w.header.currentView.births.Add(key.birthPRF(d.rid, extent, gen))
	}
	w.records = append(w.records, next)
	return nil
}

// deleteOlder deletes the extent's records that are newer than the last snapshot and
// older than the current generation.
func (d *Device) deleteOlder(w *roundWork, extent uint64, newest uint32) error {
	lastGen := uint32(0)
	if w.last != nil {
		lastGen = w.last.generation
	}
	if newest <= lastGen {
		return nil
	}
	from := appendExtentKey(nil, d.number, extent, w.header.generation-1)
	to := appendExtentKey(nil, d.number, extent, lastGen)
	return d.store.index.scan(from, to, func(k, _ []byte) (bool, error) {
		w.batch.delete(k)
		return true, nil
	})
}

// publish makes the committed state the one that readers see. It needs roundMu.
func (d *Device) publish(w *roundWork, snap *snapshotHeader) {
	s := d.store
	for i, extent := range w.extents {
		s.cache.putCommitted(recordKey{d.number, currentView, extent}, w.records[i])
	}
	s.mu.Lock()
	d.vol.header = &w.header
	if snap != nil {
		d.vol.snapshots = append(d.vol.snapshots, snap)
		s.snapshots[snap.id] = snap
	}
	s.mu.Unlock()
}

// thaw empties the frozen map: its blocks are in the index now.
func (d *Device) thaw() {
	blocks := 0
	for i := range d.shards {
		sh := &d.shards[i]
		sh.mu.Lock()
		for _, e := range sh.frozen {
			blocks += bits.OnesCount16(e.present)
		}
		clear(sh.frozen)
		sh.mu.Unlock()
	}
	left := d.dirty.Add(-int64(blocks) * BlockSize)
	if invariants.Enabled {
		invariants.Check(left >= 0, "dirty bytes below zero: %d", left)
	}
}
