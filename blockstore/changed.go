package blockstore

import (
	"context"
	"fmt"
	"slices"
)

// ChangedExtents calls fn, in order, for every extent that may differ between two
// snapshots of one lineage, until it returns false: older is an earlier snapshot of the
// same volume, or of one that newer's volume descends from and still reads through. It
// reads birth lists and the keys of records, never data, so its cost is what changed. An
// empty older means an empty volume: every extent that newer shows is reported.
// Unrelated snapshots are ErrInvalid.
func (s *Store) ChangedExtents(ctx context.Context, older, newer string, fn func(extent uint64) bool) error {
	s.mu.RLock()
	o, n := s.snapshots[older], s.snapshots[newer]
	s.mu.RUnlock()
	if n == nil || older != "" && o == nil {
		return fmt.Errorf("%w: snapshot %s or %s", ErrNotFound, older, newer)
	}
	if older == "" {
		return s.shownExtents(ctx, n, fn)
	}
	whole, volume, since, until, ok := s.between(o, n)
	if !ok {
		return fmt.Errorf("%w: %s is not an earlier state of %s", ErrInvalid, older, newer)
	}
	var extents []uint64
	for _, l := range whole {
		own, err := s.ownExtents(ctx, l, n.size)
		if err != nil {
			return err
		}
		extents = append(extents, own...)
	}
	err := s.index.scan(birthKey(volume, since+1, 0), birthKey(volume, until+1, 0), func(k, _ []byte) (bool, error) {
		_, _, e := parseBirthKey(k)
		extents = append(extents, e)
		return true, ctx.Err()
	})
	if err != nil {
		return err
	}
	slices.Sort(extents)
	for _, e := range slices.Compact(extents) {
		if int64(e)*ExtentSize >= n.size {
			break
		}
		if !fn(e) {
			return nil
		}
	}
	return nil
}

// between says what separates an older snapshot from a newer one: whole volumes that
// descend from the older's, and in the older's volume the generations after since up to until.
func (s *Store) between(o, n *snapshotHeader) (whole []level, volume, since, until uint32, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if o.volume == n.volume {
		return nil, n.volume, o.generation, n.generation, o.generation < n.generation
	}
	at, generation := n, n.generation
	for range MaxDepth + 1 {
		whole = append(whole, level{volume: at.volume, generation: generation})
		if at.parent == 0 {
			return nil, 0, 0, 0, false
		}
		if at.parent == o.volume {
			return whole, o.volume, o.generation, at.parentGen, o.generation <= at.parentGen
		}
		next := s.parentSnapshot(at.parent, at.parentGen)
		if next == nil {
			return nil, 0, 0, 0, false
		}
		at, generation = next, next.generation
	}
	return nil, 0, 0, 0, false
}

// ownExtents returns the extents of which a volume has a record of its own up to a generation.
func (s *Store) ownExtents(ctx context.Context, l level, size int64) ([]uint64, error) {
	l.blocks = uint64(size) / BlockSize
	chain := []level{l}
	d := &Device{store: s, number: l.volume}
	d.chain.Store(&chain)
	var out []uint64
	for from := uint64(0); from*ExtentSize < uint64(size); from += punchExtents {
		extents, err := d.mentioned(from, from+punchExtents)
		if err = firstError(err, ctx.Err()); err != nil {
			return nil, err
		}
		for _, e := range extents {
			own, err := s.hasRecord(chain, e)
			if err != nil {
				return nil, err
			}
			if own {
				out = append(out, e)
			}
		}
	}
	return out, nil
}

// shownExtents reports every extent that the snapshot or its parents have a record of.
func (s *Store) shownExtents(ctx context.Context, sn *snapshotHeader, fn func(uint64) bool) error {
	s.mu.RLock()
	h := &volumeHeader{id: sn.id, size: sn.size, parent: sn.volume, parentGen: sn.generation, overlap: sn.size}
	chain := s.bareChain(h)
	s.mu.RUnlock()
	d := &Device{store: s, number: sn.volume}
	d.chain.Store(&chain)
	for from := uint64(0); from*ExtentSize < uint64(sn.size); from += punchExtents {
		extents, err := d.mentioned(from, from+punchExtents)
		if err = firstError(err, ctx.Err()); err != nil {
			return err
		}
		for _, e := range extents {
			shown, err := s.hasRecord(chain, e)
			if err != nil {
				return err
			}
			if shown && !fn(e) {
				return nil
			}
		}
	}
	return nil
}

// bareChain is parentChain without keys. It needs s.mu.
func (s *Store) bareChain(h *volumeHeader) []level {
	var chain []level
	blocks := uint64(h.size) / BlockSize
	for parent, gen, overlap := h.parent, h.parentGen, h.overlap; parent != 0 && len(chain) <= MaxDepth; {
		sn := s.parentSnapshot(parent, gen)
		if sn == nil {
			break
		}
		blocks = min(blocks, uint64(overlap)/BlockSize)
		chain = append(chain, level{volume: parent, generation: gen, blocks: blocks})
		if sn.flags&flagFlattened != 0 {
			break
		}
		parent, gen, overlap = sn.parent, sn.parentGen, sn.overlap
	}
	return chain
}

// hasRecord says whether a level of the chain has a record of an extent in its view.
func (s *Store) hasRecord(chain []level, extent uint64) (bool, error) {
	for _, l := range chain {
		if shownMask(l.blocks, extent) == 0 {
			break
		}
		found, err := s.index.newest(l.volume, extent, l.generation, func(uint32, []byte) error { return nil })
		if found || err != nil {
			return found, err
		}
	}
	return false, nil
}
