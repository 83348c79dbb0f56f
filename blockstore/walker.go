package blockstore

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
)

// walkRetry is how long a walker whose key refuses waits before it asks again.
const walkRetry = 10 * time.Second

// needsWalk says whether a volume reads through a parent that it should not depend on:
// one under another data key, or one that its user has deleted. It needs s.mu.
func (s *Store) needsWalk(v *volume) bool {
	h := v.header
	if h.parent == 0 || h.walkDone != 0 || h.state != volumeLive {
		return false
	}
	sn := s.parentSnapshot(h.parent, h.parentGen)
	return sn != nil && (sn.state == snapshotHidden || sn.keys[0].dek != h.keys[0].dek)
}

// walkLater starts a walker for a volume that needs one and has none, or finishes a
// snapshot copy that needs none.
func (s *Store) walkLater(number uint32, keys Keyring) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.volumes[number]
	if v == nil || v.walking || s.closed || s.readOnly || !s.needsWalk(v) && !v.isCopy {
		return
	}
	v.walking = true
	s.background.Go(func() { s.walk(v, keys) })
}

// walk runs until the volume is done, deleted, or the store closes. A key that refuses
// pauses it visibly (Walks) and is asked again; a snapshot copy it ends (CopyStatus).
func (s *Store) walk(v *volume, keys Keyring) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-s.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	for {
		err := s.walkOnce(ctx, v, keys)
		s.mu.Lock()
		v.walkErr = err
		var refused *KeyError
		if err == nil || s.closed || s.byID[v.id] != v || errors.Is(err, ErrFailed) || v.isCopy && errors.As(err, &refused) {
			v.walking = false
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		keys = s.keys // whoever started it has gone; go on as the store
		select {
		case <-time.After(walkRetry):
		case <-s.stop:
		}
	}
}

func (s *Store) walkOnce(ctx context.Context, v *volume, keys Keyring) error {
	d, err := s.openForWork(ctx, v, keys)
	if err != nil {
		return err
	}
	err = d.walk(ctx)
	if err = firstError(err, s.releaseDevice(context.WithoutCancel(ctx), d)); err != nil {
		return err
	}
	if v.isCopy {
		return s.finishCopy(ctx, v, keys)
	}
	return nil
}

// walk re-seals everything that the volume shows through its parents, then drops them.
func (d *Device) walk(ctx context.Context) error {
	h := d.header()
	d.store.mu.RLock()
	needed := d.store.needsWalk(d.vol)
	d.store.mu.RUnlock()
	if !needed {
		return nil
	}
	for from := h.walkCursor; from*ExtentSize < uint64(d.Size()); {
		if err := firstError(ctx.Err(), d.usable()); err != nil {
			return err
		}
		to := from + punchExtents
		extents, err := d.mentioned(from, to)
		if err != nil {
			return err
		}
		if err := d.walkExtents(ctx, extents); err != nil {
			return err
		}
		from = to
		if len(extents) > 0 {
			if err := d.advanceWalk(ctx, from); err != nil {
				return err
			}
		}
	}
	if err := d.Flush(ctx); err != nil {
		return err
	}
	return d.endWalk()
}

// walkParallel is how many extents a walker works on at once.
const walkParallel = 8

// walkExtents re-seals extents, some at once; after an error it begins no more.
func (d *Device) walkExtents(ctx context.Context, extents []uint64) error {
	var next atomic.Int64
	var failed atomic.Bool
	workers := walkParallel
	if d.store.seams.walkers > 0 {
		workers = d.store.seams.walkers
	}
	errs := make([]error, min(workers, len(extents))) // most steps of a thin volume have none
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			buf := make([]byte, ExtentSize)
			for k := next.Add(1) - 1; k < int64(len(extents)) && !failed.Load(); k = next.Add(1) - 1 {
				if errs[i] = firstError(ctx.Err(), d.walkExtent(extents[k], buf)); errs[i] != nil {
					failed.Store(true)
					return
				}
			}
		})
	}
	wg.Wait()
	return firstError(errs...)
}

// advanceWalk makes the cursor durable behind what it stands for.
func (d *Device) advanceWalk(ctx context.Context, cursor uint64) error {
	if err := d.Flush(ctx); err != nil {
		return err
	}
	d.vol.roundMu.Lock()
	defer d.vol.roundMu.Unlock()
	return d.updateHeader(func(h *volumeHeader) { h.walkCursor = cursor })
}

// walkExtent re-seals the blocks of one extent that are not the volume's own, by way of
// buf. A block that changes meanwhile is left alone: it is the volume's own then.
func (d *Device) walkExtent(extent uint64, buf []byte) error {
	d.throttle()
	mask, err := d.foreignMask(extent)
	if err != nil {
		return err
	}
	for mask != 0 {
		from := bits.TrailingZeros16(mask)
		n := bits.TrailingZeros16(^(mask >> from))
		if n > ExtentBlocks-from {
			n = ExtentBlocks - from
		}
		if err := d.walkRun(extent*ExtentBlocks+uint64(from), buf[:n*BlockSize]); err != nil {
			return err
		}
		mask &^= uint16(1<<n-1) << from
	}
	return nil
}

// walkRun re-seals consecutive blocks of one extent. data is scratch of their size.
func (d *Device) walkRun(first uint64, data []byte) error {
	n := len(data) / BlockSize
	was := make([]blockState, n)
	slots, err := d.allocate(first, n)
	if err != nil {
		return err
	}
	d.freezeMu.RLock()
	defer d.freezeMu.RUnlock()
	if err := d.readUnchanged(data, first, was); err != nil {
		d.store.alloc.release(slots)
		return err
	}
	for at := 0; at < n; { // a staged write is one run of slots
		run := 1
		for at+run < n && slots[at+run] == slots[at]+uint64(run) && slots[at+run]%d.store.super.zoneSlots != 0 {
			run++
		}
		if _, err := d.replace(data[at*BlockSize:(at+run)*BlockSize], first+uint64(at), slots[at:at+run], was[at:at+run]); err != nil {
			d.store.alloc.release(slots[at+run:])
			return err
		}
		at += run
	}
	d.store.metrics.walkedBytes.Add(uint64(n) * BlockSize)
	return nil
}

// readUnchanged reads a run of blocks of one extent, and the states that they had before:
// a block that changes in between is not replaced.
func (d *Device) readUnchanged(data []byte, first uint64, was []blockState) error {
	extent := first / ExtentBlocks
	sh := d.shard(extent)
	sh.mu.Lock()
	var err error
	for i := 0; i < len(was) && err == nil; i++ {
		_, was[i], err = d.state(sh, extent, int(first%ExtentBlocks)+i)
	}
	sh.mu.Unlock()
	if err != nil {
		return err
	}
	ticket := d.store.epochs.enter()
	defer d.store.epochs.leave(ticket)
	reads, err := d.locateAll(first, first+uint64(len(was)), func(block uint64) []byte {
		return data[(block-first)*BlockSize : (block-first+1)*BlockSize]
	})
	if err != nil {
		return err
	}
	for i := range reads {
		reads[i].once = true
	}
	return d.fetch(reads)
}

// foreignMask returns which blocks of an extent the volume shows but has not sealed itself.
func (d *Device) foreignMask(extent uint64) (uint16, error) {
	var known, foreign uint16
	sh := d.shard(extent)
	sh.mu.Lock()
	for i := range ExtentBlocks {
		if _, _, ok := sh.dirtyState(extent, i); ok {
			known |= 1 << i
		}
	}
	sh.mu.Unlock()
	chain := d.levels()
	for l := -1; l < len(chain) && known != ^uint16(0); l++ {
		r, err := d.recordAt(chain, l, extent)
		if err != nil {
			return 0, err
		}
		if l >= 0 {
			known |= ^shownMask(chain[l].blocks, extent)
		}
		if r == nil {
			continue
		}
		for m := r.present &^ known; m != 0; m &= m - 1 {
			i := bits.TrailingZeros16(m)
			s, err := d.sessions.get(r.sessions[i])
			if err != nil {
				return 0, err
			}
			if s.volume != d.number {
				foreign |= 1 << i
			}
		}
		known |= r.covered()
	}
	return foreign, nil
}

// endWalk records that the current state needs no parent any more, and drops the pin
// unless a snapshot of this volume still reads through it.
func (d *Device) endWalk() error {
	d.vol.roundMu.Lock()
	defer d.vol.roundMu.Unlock()
	return d.updateHeader(func(h *volumeHeader) { h.walkDone = h.generation })
}

// updateHeader commits a change of the volume's header. It drops the parent and the
// keys it needed, in the same batch, once no view of the volume reads through it. It needs roundMu.
func (d *Device) updateHeader(change func(*volumeHeader)) error {
	s := d.store
	if err := d.usable(); err != nil {
		return err // the volume may have been deleted meanwhile: its header must not come back
	}
	h := *d.header()
	change(&h)
	s.mu.RLock()
	parent, gen := h.parent, h.parentGen
	drop := parent != 0 && h.walkDone != 0
	for _, sn := range d.vol.snapshots {
		drop = drop && sn.parent == 0
	}
	s.mu.RUnlock()
	if drop {
		h.parent, h.parentGen, h.overlap, h.walkCursor, h.walkDone = 0, 0, 0, 0, 0
		h.flags &^= flagFlattened
		h.keys = h.keys[:1]
	}
	h.currentView.counter++
	if err := h.seal(d.keys[0], s.rand); err != nil {
		return err
	}
	b := s.index.newBatch()
	b.set(numberKey(prefixVolume, h.number), h.encode())
	if err := s.index.commit(b); err != nil {
		return d.fail(err)
	}
	s.mu.Lock()
	d.vol.header = &h
	p := s.volumes[parent]
	s.mu.Unlock()
	if drop {
		d.dropChain()
		s.unpin(p, gen)
	}
	return nil
}

// Walk is a volume or snapshot copy that is being re-encrypted.
type Walk struct {
	ID    string
	Done  int64 // bytes passed
	Total int64 // bytes, the volume's size
	Err   error // why it is paused, nil if it runs; a *KeyError ends a snapshot copy
}

// Walks returns what is being re-encrypted.
func (s *Store) Walks() []Walk {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []Walk
	for _, v := range s.volumes {
		if v.walking {
			out = append(out, Walk{ID: v.id, Total: v.header.size, Err: v.walkErr,
				Done: min(int64(v.header.walkCursor)*ExtentSize, v.header.size)})
		}
	}
	return out
}

// CopySpec describes a snapshot copy.
type CopySpec struct {
	ID      string            // of the new snapshot; empty draws one
	Key     string            // KMS key; empty copies a plain snapshot plain
	Context map[string]string // nil is {"aws:ebs:id": ID}
	Keys    Keyring           // acts for the copier; nil takes the store's Keyring
}

// CopySnapshot starts copying a snapshot. Under the same KMS key nothing is copied and
// the copy appears at once; under another one it is re-encrypted whole under a new
// data key, and appears among the snapshots when its last block is. CopyStatus tells.
func (s *Store) CopySnapshot(ctx context.Context, source string, spec CopySpec) (string, error) {
	if spec.ID == "" {
		id, err := newID(s.rand, "snap-")
		if err != nil {
			return "", err
		}
		spec.ID = id
	}
	s.mu.RLock()
	taken := s.snapshots[spec.ID] != nil
	s.mu.RUnlock()
	if taken {
		return "", fmt.Errorf("%w: snapshot %s", ErrExists, spec.ID)
	}
	_, err := s.clone(ctx, source, VolumeSpec{ID: spec.ID, Key: spec.Key, Context: spec.Context, Keys: spec.Keys}, flagCopy)
	return spec.ID, err
}

// CopyStatus returns the progress of a snapshot copy: done when the snapshot exists.
func (s *Store) CopyStatus(id string) (Walk, bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if sn := s.snapshots[id]; sn != nil {
		return Walk{ID: id, Done: sn.size, Total: sn.size}, true, nil
	}
	v := s.byID[id]
	if v == nil || !v.isCopy {
		return Walk{}, false, fmt.Errorf("%w: snapshot copy %s", ErrNotFound, id)
	}
	return Walk{ID: id, Total: v.header.size, Err: v.walkErr, Done: min(int64(v.header.walkCursor)*ExtentSize, v.header.size)}, false, nil
}

// finishCopy turns a walked copy into a snapshot and lets go of the volume it was.
func (s *Store) finishCopy(ctx context.Context, v *volume, keys Keyring) error {
	s.mu.RLock()
	id, done := v.id, v.header.generation > 1 // the snapshot was made, even if its user has deleted it already
	s.mu.RUnlock()
	if !done {
		if _, err := s.CreateSnapshot(ctx, SnapshotRequest{Volume: id, ID: id, Keys: keys}); err != nil {
			return err
		}
	}
	return s.deleteVolume(ctx, id)
}
