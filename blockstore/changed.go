package blockstore

import (
	"context"
	"fmt"
	"slices"
)

// ChangedExtents calls fn, in order, for every extent that differs between two
// snapshots of one volume, until it returns false. It reads birth lists and records,
// never data, so its cost is what changed. An empty older means an empty volume: every
// extent that newer shows is reported. Snapshots of different volumes are ErrInvalid.
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
	if o.volume != n.volume || o.generation >= n.generation {
		return fmt.Errorf("%w: %s was not taken of the same volume before %s", ErrInvalid, older, newer)
	}
	var extents []uint64
	from, to := birthKey(n.volume, o.generation+1, 0), birthKey(n.volume, n.generation+1, 0)
	err := s.index.scan(from, to, func(k, _ []byte) (bool, error) {
		_, _, e := parseBirthKey(k)
		extents = append(extents, e)
		return true, ctx.Err()
	})
	if err != nil {
		return err
	}
	slices.Sort(extents)
	for _, e := range slices.Compact(extents) {
		if !fn(e) {
			return nil
		}
	}
	return nil
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
