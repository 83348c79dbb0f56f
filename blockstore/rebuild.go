package blockstore

import (
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
)

// maxRebuilders bounds the goroutines that scan the extent records at an open.
const maxRebuilders = 8

// rebuild marks every slot that an extent record or a dead list names. Two references
// to one slot must be to the same block of the same volume at the same sequence. A
// record that does not decode, or a double reference, makes the store read-only.
func (s *Store) rebuild(a *allocator) error {
	r := rebuilder{store: s, alloc: a, foreign: make([]uint64, len(a.used))}
	if err := r.scanExtents(); err != nil {
		return err
	}
	if err := r.scanDead(); err != nil {
		return err
	}
	a.recount()
	return r.checkForeign()
}

// rebuilder is a rebuild of the allocator from the index.
type rebuilder struct {
	store   *Store
	alloc   *allocator
	foreign []uint64 // bit set, atomically: a flattened record names the slot, which a parent must have
}

// scanExtents marks the slots of all extent records, several ranges of them at a time.
func (r *rebuilder) scanExtents() error {
	bounds, err := r.store.index.extentBounds()
	if err != nil {
		return err
	}
	var workers sync.WaitGroup
	var next atomic.Int64
	errs := make([]error, len(bounds))
	for range min(runtime.GOMAXPROCS(0), maxRebuilders, len(bounds)-1) {
		workers.Go(func() {
			for i := next.Add(1); i < int64(len(bounds)); i = next.Add(1) {
				scan := extentScan{rebuilder: r, rec: new(extentRecord), newer: new(extentRecord)}
				if errs[i] = r.store.index.scan(bounds[i-1], bounds[i], scan.add); errs[i] != nil {
					next.Store(int64(len(bounds))) // the others need not go on
				}
			}
		})
	}
	workers.Wait()
	return firstError(errs...)
}

// extentScan takes extent records in the order of the index: by extent, the newest first.
type extentScan struct {
	*rebuilder
	volume     uint32
	extent     uint64
	rec, newer *extentRecord // newer is the one before, or empty if that was of another extent
	session    uint32        // the last looked up, if origin is known
	origin     uint32
	known      bool
}

func (e *extentScan) add(k, val []byte) (bool, error) {
	s := e.store
	if len(k) != extentKeySize {
		return s.damage(corrupt(KindRecord, "", "key %x", k))
	}
	volume, extent, generation := parseExtentKey(k)
	if s.volumes[volume] == nil {
		return true, nil // an orphan owns nothing
	}
	e.rec, e.newer = e.newer, e.rec
	if volume != e.volume || extent != e.extent {
		e.volume, e.extent = volume, extent
		e.newer.present = 0
	}
	if _, err := decodeExtent(val, e.rec); err != nil {
		e.rec.present = 0
		return s.damage(&CorruptError{Kind: KindRecord, Volume: s.volumes[volume].id, Block: int64(extent * ExtentBlocks), Slot: -1, Detail: err.Error()})
	}
	for m := e.rec.present; m != 0; m &= m - 1 {
		if err := e.mark(bits.TrailingZeros16(m), generation); err != nil {
			if more, err := s.damage(err); !more || err != nil {
				return more, err
			}
		}
	}
	return true, nil
}

// mark marks the slot of a block of the record, unless a newer record of the extent has: mostly
// the one before.
func (e *extentScan) mark(i int, generation uint32) error {
	s, slot, sequence := e.store, e.rec.slots[i], e.rec.sequences[i]
	if e.newer.has(i) && e.newer.slots[i] == slot && e.newer.sequences[i] == sequence {
		return nil
	}
	if session := e.rec.sessions[i]; !e.known || session != e.session {
		origin, err := s.sessionVolume(session)
		if err != nil {
			return err
		}
		e.session, e.origin, e.known = session, origin, true
	}
	if !e.alloc.exists(slot) {
		return s.badReference(e.volume, e.extent, i, slot, "slot is beyond the last zone")
	}
	if e.origin != e.volume {
		atomic.OrUint64(&e.foreign[slot/64], 1<<(slot%64))
		return nil
	}
	if fresh, _ := e.alloc.mark(slot); fresh {
		return nil
	}
	if same, err := s.recordNames(e.volume, e.extent, generation, i, slot, sequence); err != nil || same {
		return err
	}
	return s.badReference(e.volume, e.extent, i, slot, "slot has two owners")
}

func (s *Store) badReference(volume uint32, extent uint64, block int, slot uint64, detail string) error {
	return &CorruptError{Kind: KindReference, Volume: s.volumes[volume].id, Block: int64(extent*ExtentBlocks) + int64(block), Slot: int64(slot), Detail: detail}
}

// scanDead marks the dead lists. A dead block may still be named by the records of
// older snapshots, as the same block at the same sequence.
func (r *rebuilder) scanDead() error {
	s := r.store
	return s.index.scan([]byte{prefixDead}, rangeEnd([]byte{prefixDead}), func(k, val []byte) (bool, error) {
		slot, birth, ok := parseDeadValue(val)
		if !ok || len(k) != deadKeySize {
			return s.damage(corrupt(KindDead, "", "entry %x", k))
		}
		volume, _, extent, block := parseDeadKey(k)
		if s.volumes[volume] == nil {
			return true, nil
		}
		if fresh, exists := r.alloc.mark(slot); fresh {
			return true, nil
		} else if exists {
			same, err := s.recordNames(volume, extent, 0, block, slot, birth)
			if err != nil || same {
				return true, err
			}
		}
		return s.damage(s.badReference(volume, extent, block, slot, "dead block shares its slot"))
	})
}

// recordNames says whether some record of the extent, of a generation above the one given,
// has the block in the slot at the sequence.
func (s *Store) recordNames(volume uint32, extent uint64, above uint32, block int, slot, sequence uint64) (bool, error) {
	found := false
	err := s.index.scan(appendExtentKey(nil, volume, extent, ^uint32(0)), appendExtentKey(nil, volume, extent, above), func(_, val []byte) (bool, error) {
		var r extentRecord
		if _, err := decodeExtent(val, &r); err == nil && r.has(block) && r.slots[block] == slot && r.sequences[block] == sequence {
			found = true
		}
		return !found, nil
	})
	return found, err
}

// checkForeign checks that what flattened records name is somebody's.
func (r *rebuilder) checkForeign() error {
	for i, w := range r.foreign {
		for w &^= r.alloc.used[i]; w != 0; w &= w - 1 {
			slot := i*64 + bits.TrailingZeros64(w)
			_, err := r.store.damage(&CorruptError{Kind: KindReference, Block: -1, Slot: int64(slot), Detail: "a flattened record names a slot that no parent has"})
			if err != nil {
				return err
			}
		}
	}
	return nil
}
