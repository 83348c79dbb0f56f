package blockstore

import (
	"context"
	"fmt"
	"math/bits"
	"sync/atomic"
	"time"

	"coffer.example/aead"
)

// WriteAt implements io.WriterAt. It returns once the data is sealed and on its way to
// the device; Flush makes it durable. p is not kept.
func (d *Device) WriteAt(p []byte, off int64) (int, error) {
	began := time.Now()
	if err := d.check(off, int64(len(p))); err != nil {
		return 0, err
	}
	if err := d.store.writable(); err != nil {
		return 0, err
	}
	done := 0
	for done < len(p) {
		n := min(len(p)-done, maxRequest)
		if err := d.write(p[done:done+n], off+int64(done)); err != nil {
			return done, err
		}
		done += n
	}
	d.store.metrics.writes.Add(1)
	d.store.metrics.writeTime.since(began)
	d.store.metrics.writtenBytes.Add(uint64(len(p)))
	return done, nil
}

func (d *Device) write(p []byte, off int64) error {
	d.throttle()
	if head := off % BlockSize; head != 0 || len(p) < BlockSize {
		n := min(int(BlockSize-head), len(p))
		if err := d.writePart(p[:n], off); err != nil {
			return err
		}
		p, off = p[n:], off+int64(n)
	}
	if whole := len(p) / BlockSize * BlockSize; whole > 0 {
		if err := d.writeBlocks(p[:whole], uint64(off)/BlockSize); err != nil {
			return err
		}
		p, off = p[whole:], off+int64(whole)
	}
	if len(p) > 0 {
		return d.writePart(p, off)
	}
	return nil
}

// throttle stalls a writer while too much is dirty; a round is started to end that.
func (d *Device) throttle() {
	if d.dirty.Load() < flushBytes {
		return
	}
	r := d.rounds.join()
	if d.dirty.Load() >= maxDirtyBytes {
		<-r.done // an error shows in d.failure
	}
}

// writeBlocks writes whole blocks. All slots are taken before anything changes.
func (d *Device) writeBlocks(p []byte, first uint64) error {
	n := len(p) / BlockSize
	slots, err := d.allocate(first, n)
	if err != nil {
		return err
	}
	d.freezeMu.RLock()
	defer d.freezeMu.RUnlock()
	for at := 0; at < n; {
		run := 1
		for at+run < n && run < ExtentBlocks && slots[at+run] == slots[at]+uint64(run) &&
			slots[at+run]%d.store.super.zoneSlots != 0 {
			run++
		}
		w, blocks, err := d.seal(p[at*BlockSize:(at+run)*BlockSize], first+uint64(at), slots[at:at+run])
		if err != nil {
			d.store.alloc.release(slots[at:])
			return err
		}
		for i, b := range blocks {
			d.enter(first+uint64(at+i), b)
		}
		d.store.stager.submit(w)
		at += run
	}
	return nil
}

// allocate takes slots for n consecutive blocks, window by window.
func (d *Device) allocate(first uint64, n int) ([]uint64, error) {
	slots := make([]uint64, 0, n)
	for len(slots) < n {
		block := first + uint64(len(slots))
		w := block / windowBlocks
		k := min(n-len(slots), int(windowBlocks-block%windowBlocks))
		h, err := d.windowHint(w)
		if err != nil {
			d.store.alloc.release(slots)
			return nil, err
		}
		out, next, err := d.allocateWaiting(slots, h, k)
		if err != nil {
			d.store.alloc.release(slots)
			return nil, err
		}
		slots = out
		if next != h {
			d.window(w).Store(uint32(next))
		}
	}
	return slots, nil
}

// windowHints are the groups of the windows of one GiB of a volume.
type windowHints [GiB / (windowBlocks * BlockSize)]atomic.Uint32

// windowTable has the hints of each GiB that has been written to since the open.
type windowTable []atomic.Pointer[windowHints]

func (d *Device) window(w uint64) *atomic.Uint32 {
	const perGiB = uint64(len(windowHints{}))
	p := &(*d.windows.Load())[w/perGiB]
	if p.Load() == nil {
		p.CompareAndSwap(nil, new(windowHints))
	}
	return &p.Load()[w%perGiB]
}

// windowHint returns the group of a window, looked up beside its first recorded block after an open.
func (d *Device) windowHint(w uint64) (hint, error) {
	if h := d.window(w).Load(); h != 0 {
		return hint(h), nil
	}
	for e := w * windowBlocks / ExtentBlocks; e < (w+1)*windowBlocks/ExtentBlocks; e++ {
		r, err := d.record(e)
		if err != nil {
			return 0, err
		}
		if r != nil && r.present != 0 {
			return d.store.alloc.hintOf(r.slots[bits.TrailingZeros16(r.present)]), nil
		}
	}
	return 0, nil
}

// seal seals consecutive blocks for consecutive slots into a buffer. It needs freezeMu,
// which the caller holds until the blocks are in the dirty map.
func (d *Device) seal(p []byte, first uint64, slots []uint64) (*stagedWrite, []*sealedBlock, error) {
	if err := d.usable(); err != nil {
		return nil, nil, err // what a closed or failed device still took, nobody would give back
	}
	n := len(p) / BlockSize
	session, err := d.writeSession(n)
	if err != nil {
		return nil, nil, err
	}
	sequence, err := d.store.takeSequences(n)
	if err != nil {
		return nil, nil, err
	}
	pool := d.store.small
	if n > 1 {
		pool = d.store.large
	}
	w := &stagedWrite{zone: d.store.zone(slots[0]), offset: d.store.slotOffset(slots[0]), blocks: n, set: d.active,
		pool: pool, buf: pool.get()}
	if err := w.zone.failure(); err != nil {
		pool.put(w.buf)
		return nil, nil, d.fail(err)
	}
	sc := d.getScratch()
	defer d.putScratch(sc)
	storage := make([]sealedBlock, n)
	blocks := make([]*sealedBlock, n)
	for i := range n {
		if sealed := d.store.seams.sealed; sealed != nil {
			sealed(session, sequence+uint64(i))
		}
		// Sequences are taken once each, so (session key, nonce) cannot repeat.
		dst := w.buf[i*BlockSize : i*BlockSize : (i+1)*BlockSize+aead.TagSize]
		out := session.sealer.SealBlock(sc, dst, p[i*BlockSize:(i+1)*BlockSize], first+uint64(i), sequence+uint64(i))
		b := &storage[i]
		b.slot, b.sequence, b.session, b.write, b.index = slots[i], sequence+uint64(i), session.number, w, i
		copy(b.tag[:], out[BlockSize:]) // the next block, or slack, takes its place
		blocks[i] = b
	}
	d.active.touch()
	d.active.pending.Add(1)
	d.dirty.Add(int64(len(p)))
	return w, blocks, nil
}

// enter puts a sealed block into the active map. It needs freezeMu.
func (d *Device) enter(block uint64, b *sealedBlock) {
	e := block / ExtentBlocks
	sh := d.shard(e)
	sh.mu.Lock()
	replaced := sh.put(e, int(block%ExtentBlocks), b)
	sh.mu.Unlock()
	d.forget(replaced)
}

// forget gives up the slot of a block that was overwritten before any round.
func (d *Device) forget(b *sealedBlock) {
	if b != nil {
		b.write.supersede(b.slot, d.store.landing.free)
		d.dirty.Add(-BlockSize)
	}
}

// writePart writes less than a block: read, modify, seal, and enter on condition that
// the block is still what was read. After a number of lost races it keeps the others out.
func (d *Device) writePart(p []byte, off int64) error {
	for range rmwRetries {
		done, err := d.tryPart(p, off, false)
		if done || err != nil {
			return err
		}
	}
	done, err := d.tryPart(p, off, true)
	if err == nil && !done {
		return fmt.Errorf("blockstore: block %d changed under the freeze lock", off/BlockSize)
	}
	return err
}

func (d *Device) tryPart(p []byte, off int64, alone bool) (bool, error) {
	block := uint64(off) / BlockSize
	slots, err := d.allocate(block, 1)
	if err != nil {
		return false, err
	}
	if alone {
		d.freezeMu.Lock()
		defer d.freezeMu.Unlock()
	} else {
		d.freezeMu.RLock()
		defer d.freezeMu.RUnlock()
	}
	buf := make([]byte, BlockSize)
	was, err := d.readBlock(buf, block)
	if err != nil {
		d.store.alloc.release(slots)
		return false, err
	}
	copy(buf[off%BlockSize:], p)
	n, err := d.replace(buf, block, slots, []blockState{was})
	return n == 1, err
}

// replace enters new versions of consecutive blocks, each on condition that the block
// is still in the state given, and returns how many were entered. The slots of the
// others are given up. It needs freezeMu.
func (d *Device) replace(data []byte, first uint64, slots []uint64, was []blockState) (int, error) {
	w, blocks, err := d.seal(data, first, slots)
	if err != nil {
		d.store.alloc.release(slots)
		return 0, err
	}
	entered := 0
	var failed error
	for i, b := range blocks {
		block := first + uint64(i)
		e, j := block/ExtentBlocks, int(block%ExtentBlocks)
		sh := d.shard(e)
		sh.mu.Lock()
		_, now, err := d.state(sh, e, j)
		replaced := b
		if err == nil && (now == was[i] || d.store.seams.without(ruleWalkerCondition)) {
			replaced = sh.put(e, j, b)
			entered++
		}
		sh.mu.Unlock()
		failed = firstError(failed, err)
		d.forget(replaced)
	}
	d.store.stager.submit(w)
	return entered, failed
}

// state returns what a block of the volume itself currently is. It needs sh.mu.
func (d *Device) state(sh *shard, extent uint64, i int) (*sealedBlock, blockState, error) {
	if b, st, ok := sh.dirtyState(extent, i); ok {
		return b, st, nil
	}
	r, err := d.record(extent)
	if err != nil || r == nil {
		return nil, blockState{}, err
	}
	return nil, blockState{present: r.has(i), zero: r.zero>>i&1 == 1, slot: r.slots[i], sequence: r.sequences[i]}, nil
}

// Flush makes every write that was acknowledged before the call durable. The end of ctx
// ends the wait for a round that another runs, not one that the caller runs.
func (d *Device) Flush(ctx context.Context) error {
	if err := d.usable(); err != nil {
		return err
	}
	d.store.metrics.flushes.Add(1)
	began := time.Now()
	r := d.rounds.flush(d)
	select {
	case <-r.done:
		if r.err == nil {
			d.store.metrics.flushTime.since(began)
		}
		return r.err
	case <-ctx.Done():
		return ctx.Err()
	}
}
