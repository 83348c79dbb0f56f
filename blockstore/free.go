package blockstore

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"coffer.example/internal/invariants"
)

// DeleteVolume deletes a volume that is not attached. Its snapshots stay; its space
// comes back in bounded batches, which resume when the store is opened again.
func (s *Store) DeleteVolume(ctx context.Context, id string) error {
	s.mu.RLock()
	v := s.byID[id]
	hidden := v != nil && v.isCopy
	s.mu.RUnlock()
	if hidden {
		return fmt.Errorf("%w: volume %s", ErrNotFound, id)
	}
	return s.deleteVolume(ctx, id)
}

func (s *Store) deleteVolume(ctx context.Context, id string) error {
	if err := s.writable(); err != nil {
		return err
	}
	s.mu.Lock()
	v := s.byID[id]
	switch {
	case v == nil:
		s.mu.Unlock()
		return fmt.Errorf("%w: volume %s", ErrNotFound, id)
	case v.attached:
		s.mu.Unlock()
		return fmt.Errorf("%w: %s", ErrAttached, id)
	}
	delete(s.byID, id) // nobody opens it from here on
	s.mu.Unlock()
	v.sweepMu.Lock()
	defer v.sweepMu.Unlock()
	if err := s.markVolume(v, volumeDeleting); err != nil {
		s.mu.Lock()
		s.byID[id] = v
		s.mu.Unlock()
		return err
	}
	if s.anchors != nil {
		if err := s.anchors.Save(ctx, anchorName(v.header), nil); err != nil {
			return fmt.Errorf("blockstore: remove anchor of %s: %w", id, err)
		}
	}
	return s.sweep(v)
}

// markVolume makes a new state durable. Only the state byte changes, so no key is needed.
func (s *Store) markVolume(v *volume, st volumeState) error {
	v.roundMu.Lock()
	defer v.roundMu.Unlock()
	s.mu.RLock()
	h, d := *v.header, v.device
	s.mu.RUnlock()
	if d != nil && st == volumeDeleting {
		d.abort() // a walker or a snapshot in the making stops: its volume is going
	}
	h.state = st
	b := s.index.newBatch()
	b.set(numberKey(prefixVolume, h.number), h.encode())
	if err := s.index.commit(b); err != nil {
		return err
	}
	s.mu.Lock()
	v.header = &h
	s.mu.Unlock()
	return nil
}

// DeleteSnapshot deletes a snapshot, or a copy that is still being made. Space that
// only it held comes back. Clones go on: the snapshot disappears for its user, and goes
// when the last clone has stopped reading through it.
func (s *Store) DeleteSnapshot(ctx context.Context, id string) error {
	if err := s.writable(); err != nil {
		return err
	}
	v, err := s.dropCopy(ctx, id)
	if v == nil || err != nil {
		return err
	}
	v.sweepMu.Lock()
	defer v.sweepMu.Unlock()
	if err := s.hideSnapshot(v, id); err != nil {
		return err
	}
	return s.sweep(v)
}

// dropCopy deletes a copy that is still being made. It returns the volume whose snapshot is left to
// delete: of an ordinary one, or of a copy that became one meanwhile.
func (s *Store) dropCopy(ctx context.Context, id string) (*volume, error) {
	dropped := false
	for {
		s.mu.RLock()
		sn, v := s.snapshots[id], s.byID[id]
		isCopy := v != nil && v.isCopy
		if sn != nil {
			v = s.volumes[sn.volume]
		}
		s.mu.RUnlock()
		switch {
		case sn != nil:
			return v, nil
		case !isCopy && dropped:
			return nil, nil
		case !isCopy:
			return nil, fmt.Errorf("%w: snapshot %s", ErrNotFound, id)
		}
		if err := s.deleteVolume(ctx, id); err == nil {
			dropped = true
		} else if !errors.Is(err, ErrNotFound) { // else its walker was first
			return nil, err
		}
	}
}

// hideSnapshot makes a snapshot invisible, durably, and has its clones walked.
func (s *Store) hideSnapshot(v *volume, id string) error {
	v.roundMu.Lock()
	defer v.roundMu.Unlock()
	s.mu.RLock()
	sn := s.snapshots[id]
	s.mu.RUnlock()
	if sn == nil {
		return fmt.Errorf("%w: snapshot %s", ErrNotFound, id)
	}
	next := *sn
	next.state = snapshotHidden
	if err := s.putSnapshot(v, &next); err != nil {
		return err
	}
	s.mu.Lock()
	delete(s.snapshots, id)
	var clones []uint32
	for n, c := range s.volumes {
		if c.header.parent == sn.volume && c.header.parentGen == sn.generation {
			clones = append(clones, n)
		}
	}
	s.mu.Unlock()
	for _, n := range clones {
		s.walkLater(n, s.keys)
	}
	return nil
}

// putSnapshot commits a snapshot's new state (no key needed) and makes it the one in memory. It needs roundMu.
func (s *Store) putSnapshot(v *volume, next *snapshotHeader) error {
	b := s.index.newBatch()
	b.set(snapshotKey(next.volume, next.generation), next.encode())
	if err := s.index.commit(b); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, sn := range v.snapshots {
		if sn.generation == next.generation {
			v.snapshots = slices.Clone(v.snapshots)
			v.snapshots[i] = next
		}
	}
	return nil
}

// sweepLater sweeps a volume in the background.
func (s *Store) sweepLater(v *volume) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.readOnly || v == nil || !s.sweepable(v) {
		return
	}
	s.background.Go(func() {
		v.sweepMu.Lock()
		defer v.sweepMu.Unlock()
		if err := s.sweep(v); err != nil {
			s.metrics.sweepErrors.Add(1) // resumed at the next deletion or open
		}
	})
}

// sweepable says whether sweep has something to do. It needs s.mu.
func (s *Store) sweepable(v *volume) bool {
	return v.header.state == volumeDeleting || s.nextDoomed(v) != nil || v.header.state == volumeGone && len(v.snapshots) == 0
}

// nextDoomed returns a snapshot to free: one whose freeing has begun, else a hidden one
// that nothing pins. It needs s.mu.
func (s *Store) nextDoomed(v *volume) *snapshotHeader {
	var doomed *snapshotHeader
	for _, sn := range v.snapshots {
		if sn.state == snapshotDeleting {
			return sn
		}
		if sn.state == snapshotHidden && v.pins[sn.generation] == 0 {
			doomed = sn
		}
	}
	return doomed
}

// sweep frees what nobody can see any more, one view at a time, in bounded batches. It needs sweepMu.
func (s *Store) sweep(v *volume) error {
	for {
		s.mu.RLock()
		deleting, doomed := v.header.state == volumeDeleting, s.nextDoomed(v)
		s.mu.RUnlock()
		var err error
		switch {
		case doomed != nil && doomed.state == snapshotDeleting:
			err = s.freeSnapshot(v, doomed) // begun: first, its neighbours are fixed
		case deleting:
			err = s.freeCurrent(v)
		case doomed != nil:
			err = s.beginFree(v, doomed)
		default:
			return s.dropVolume(v)
		}
		if err != nil {
			return err
		}
		select {
		case <-s.stop:
			return nil // goes on at the next open
		default:
		}
	}
}

// neighbours returns the existing snapshots around a generation: the older one's
// generation and sequence (0 if none) and the newer one's generation, or the current
// generation if there is none. It needs s.mu.
func (v *volume) neighbours(generation uint32) (older uint32, olderSequence uint64, newer uint32) {
	newer = v.header.generation
	for _, sn := range v.snapshots {
		switch {
		case sn.state == snapshotDeleting || sn.generation == generation:
		case sn.generation < generation:
			older, olderSequence = sn.generation, sn.sequence
		case sn.generation < newer:
			newer = sn.generation
		}
	}
	return older, olderSequence, newer
}

// beginFree marks a snapshot as being freed between its neighbours, which stay fixed.
func (s *Store) beginFree(v *volume, sn *snapshotHeader) error {
	v.roundMu.Lock()
	defer v.roundMu.Unlock()
	s.mu.RLock()
	next := *sn
	next.state = snapshotDeleting
	next.older, _, next.newer = v.neighbours(sn.generation)
	s.mu.RUnlock()
	return s.putSnapshot(v, &next)
}

// freeSnapshot frees what only a snapshot shows (the free rule, part 2).
func (s *Store) freeSnapshot(v *volume, sn *snapshotHeader) error {
	s.mu.RLock()
	gone := v.header.state == volumeGone
	last := gone && sn.generation == v.snapshots[len(v.snapshots)-1].generation
	olderSequence := v.sequenceOf(sn.older)
	s.mu.RUnlock()
	if last {
		if err := s.freeView(v, sn.older, olderSequence); err != nil {
			return err
		}
	} else {
		if err := s.freeRecordsBetween(v, sn); err != nil {
			return err
		}
		if err := s.freeDead(v, sn, olderSequence); err != nil {
			return err
		}
	}
	return s.removeSnapshot(v, sn)
}

// sequenceOf returns the sequence of the snapshot at a generation, 0 for none. It needs s.mu.
func (v *volume) sequenceOf(generation uint32) uint64 {
	for _, sn := range v.snapshots {
		if sn.generation == generation {
			return sn.sequence
		}
	}
	return 0
}

// freeRecordsBetween deletes, for every extent born after the snapshot and up to its
// newer neighbour, the record that only the snapshot showed.
func (s *Store) freeRecordsBetween(v *volume, sn *snapshotHeader) error {
	from, to := birthKey(sn.volume, sn.generation+1, 0), birthKey(sn.volume, sn.newer+1, 0)
	for from != nil {
		b := s.index.newBatch()
		n := 0
		next := []byte(nil)
		v.roundMu.Lock()
		err := s.index.scan(from, to, func(k, _ []byte) (bool, error) {
			if n++; n > batchExtents {
				next = slices.Clone(k)
				return false, nil
			}
			_, gen, extent := parseBirthKey(k)
			_, err := s.index.newest(sn.volume, extent, gen-1, func(older uint32, _ []byte) error {
				if older > sn.older && older <= sn.generation {
					b.delete(appendExtentKey(nil, sn.volume, extent, older))
				}
				return nil
			})
			return true, err
		})
		if err == nil && !b.empty() {
			err = s.index.commit(b)
		}
		v.roundMu.Unlock()
		if err != nil {
			return err
		}
		from = next
	}
	return nil
}

// freeDead frees the blocks that died between the snapshot and its newer neighbour and
// that the older neighbour does not show.
func (s *Store) freeDead(v *volume, sn *snapshotHeader, olderSequence uint64) error {
	from, to := deadKey(sn.volume, sn.generation+1, 0, 0), deadKey(sn.volume, sn.newer+1, 0, 0)
	for from != nil {
		b := s.index.newBatch()
		var freed []uint64
		n := 0
		next := []byte(nil)
		v.roundMu.Lock()
		err := s.index.scan(from, to, func(k, val []byte) (bool, error) {
			if n++; n > batchExtents {
				next = slices.Clone(k)
				return false, nil
			}
			slot, birth, ok := parseDeadValue(val)
			if !ok {
				return false, corrupt(KindDead, v.id, "dead list entry %x", k)
			}
			if birth > olderSequence {
				b.delete(k)
				freed = append(freed, slot)
			}
			return true, nil
		})
		if err == nil && !b.empty() {
			err = s.index.commit(b)
		}
		v.roundMu.Unlock()
		if err != nil {
			return err
		}
		s.release(freed)
		from = next
	}
	return nil
}

// removeSnapshot deletes a freed snapshot's header, and the birth lists that no older
// snapshot can need any more.
func (s *Store) removeSnapshot(v *volume, sn *snapshotHeader) error {
	v.roundMu.Lock()
	defer v.roundMu.Unlock()
	b := s.index.newBatch()
	b.delete(snapshotKey(sn.volume, sn.generation))
	if sn.older == 0 {
		b.deleteRange(birthKey(sn.volume, 0, 0), birthKey(sn.volume, sn.generation+1, 0))
	}
	if err := s.index.commit(b); err != nil {
		return err
	}
	s.mu.Lock()
	v.snapshots = slices.DeleteFunc(slices.Clone(v.snapshots), func(o *snapshotHeader) bool { return o.generation == sn.generation })
	d := v.device
	s.mu.Unlock()
	if d != nil && d.header().walkDone != 0 && d.usable() == nil {
		return d.updateHeader(func(*volumeHeader) {}) // perhaps the last view that read through the parent
	}
	return nil
}

// freeCurrent frees the current state of a deleted volume.
func (s *Store) freeCurrent(v *volume) error {
	s.mu.RLock()
	var older uint32
	var sequence uint64
	if l := v.lastSnapshot(); l != nil {
		older, sequence = l.generation, l.sequence
	}
	s.mu.RUnlock()
	if err := s.freeView(v, older, sequence); err != nil {
		return err
	}
	return s.markVolume(v, volumeGone)
}

// freeView frees the last view of a volume down to an older snapshot (the free rule,
// part 3): blocks born after it, and every record, birth and death above it.
func (s *Store) freeView(v *volume, older uint32, olderSequence uint64) error {
	number := v.number
	from, to := appendExtentKey(nil, number, 0, ^uint32(0)), rangeEnd(numberKey(prefixExtent, number))
	for from != nil {
		next, err := s.freeViewBatch(v, from, to, older, olderSequence)
		if err != nil {
			return err
		}
		from = next
	}
	v.roundMu.Lock()
	defer v.roundMu.Unlock()
	b := s.index.newBatch()
	b.deleteRange(birthKey(number, older+1, 0), rangeEnd(numberKey(prefixBirth, number)))
	b.deleteRange(deadKey(number, older+1, 0, 0), rangeEnd(numberKey(prefixDead, number)))
	return s.index.commit(b)
}

func (s *Store) freeViewBatch(v *volume, from, to []byte, older uint32, olderSequence uint64) (next []byte, err error) {
	b := s.index.newBatch()
	var freed []uint64
	n, last := 0, ^uint64(0)
	v.roundMu.Lock()
	defer v.roundMu.Unlock()
	err = s.index.scan(from, to, func(k, val []byte) (bool, error) {
		_, extent, gen := parseExtentKey(k)
		newest := extent != last // the newest record of an extent sorts first
		if newest {
			if n++; n > batchExtents {
				next = slices.Clone(k)
				return false, nil
			}
			last = extent
		}
		if gen <= older {
			return true, nil
		}
		b.delete(k)
		if !newest {
			return true, nil
		}
		slots, err := s.ownSlots(v, val, olderSequence)
		freed = append(freed, slots...)
		return true, err
	})
	if err == nil && !b.empty() {
		err = s.index.commit(b)
	}
	if err != nil {
		return nil, err
	}
	s.release(freed)
	return next, nil
}

// ownSlots returns the slots of a record's blocks that this volume sealed after a sequence.
func (s *Store) ownSlots(v *volume, val []byte, after uint64) ([]uint64, error) {
	var r extentRecord
	if _, err := decodeExtent(val, &r); err != nil {
		return nil, corrupt(KindRecord, v.id, "%v", err)
	}
	var out []uint64
	for m := r.present; m != 0; m &= m - 1 {
		i := bits.TrailingZeros16(m)
		if r.sequences[i] <= after {
			continue
		}
		origin, err := s.sessionVolume(r.sessions[i])
		if err != nil {
			return nil, err
		}
		if origin == v.number {
			out = append(out, r.slots[i])
		}
	}
	return out, nil
}

// sessionVolume returns the number of the volume that a session belongs to.
func (s *Store) sessionVolume(session uint32) (uint32, error) {
	s.origins.mu.Lock()
	defer s.origins.mu.Unlock()
	if v, ok := s.origins.volumes[session]; ok {
		return v, nil
	}
	val, err := s.index.get(numberKey(prefixSession, session))
	if errors.Is(err, ErrNotFound) {
		return 0, corrupt(KindSession, "", "session %d is missing", session)
	}
	if err != nil {
		return 0, err
	}
	rec, err := decodeSession(val)
	if err != nil {
		return 0, corrupt(KindSession, "", "session %d: %v", session, err)
	}
	if len(s.origins.volumes) >= maxSessionCache || s.origins.volumes == nil {
		s.origins.volumes = map[uint32]uint32{}
	}
	s.origins.volumes[session] = rec.volume
	return rec.volume, nil
}

// dropVolume removes what is left of a volume that no view needs: its header, and its
// data keys unless the lineage goes on elsewhere. Its sessions go at the next open.
func (s *Store) dropVolume(v *volume) error {
	v.roundMu.Lock()
	s.mu.Lock()
	h := v.header
	if h.state != volumeGone || len(v.snapshots) > 0 || s.volumes[h.number] != v {
		s.mu.Unlock()
		v.roundMu.Unlock()
		return nil
	}
	used := map[uint32]bool{}
	for _, o := range s.volumes {
		for _, k := range o.header.keys {
			used[k.dek] = used[k.dek] || o != v
		}
		for _, sn := range o.snapshots {
			for _, k := range sn.keys {
				used[k.dek] = true
			}
		}
	}
	s.mu.Unlock()
	err := s.commitDrop(h, used)
	v.roundMu.Unlock()
	if err != nil {
		return err
	}
	s.mu.Lock()
	delete(s.volumes, h.number)
	p := s.volumes[h.parent]
	s.mu.Unlock()
	if p != nil {
		s.unpin(p, h.parentGen)
	}
	return nil
}

func (s *Store) commitDrop(h *volumeHeader, used map[uint32]bool) error {
	b := s.index.newBatch()
	b.delete(numberKey(prefixVolume, h.number))
	for _, k := range h.keys {
		if !used[k.dek] {
			b.delete(numberKey(prefixDEK, k.dek))
		}
	}
	if invariants.Enabled {
		empty := true
		_ = s.index.scan(numberKey(prefixExtent, h.number), rangeEnd(numberKey(prefixExtent, h.number)), func(_, _ []byte) (bool, error) {
			empty = false
			return false, nil
		})
		invariants.Check(empty, "volume %s dropped with records", h.id)
	}
	return s.index.commit(b)
}
