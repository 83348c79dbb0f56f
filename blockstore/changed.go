package blockstore

import (
	"context"
	"fmt"

	"coffer.example/aead"
)

// Changes asks what separates two snapshots.
type Changes struct {
	Older string // empty: an empty volume
	Newer string
	From  uint64  // the first extent to report
	Keys  Keyring // opens the seals of both; nil takes the store's Keyring
}

// ChangedExtents calls fn, in order, for every extent that may differ between two
// snapshots of one lineage, until it returns false: Older is an earlier snapshot of the
// same volume, or of one that Newer's volume descends from and still reads through. It
// reads birth lists and records, never data, so its cost is what changed. An empty Older
// means an empty volume: every extent that Newer shows is reported. Unrelated snapshots
// are ErrInvalid.
//
// Nothing is left out unnoticed: the records at both ends of what was found add up to
// the difference of the set hashes that the two snapshots seal, or the answer is ErrCorrupt.
func (s *Store) ChangedExtents(ctx context.Context, c Changes, fn func(extent uint64) bool) error {
	s.mu.RLock()
	o, n := s.snapshots[c.Older], s.snapshots[c.Newer]
	s.mu.RUnlock()
	if n == nil || c.Older != "" && o == nil {
		return fmt.Errorf("%w: snapshot %s or %s", ErrNotFound, c.Older, c.Newer)
	}
	if c.Older == "" {
		return s.shownExtents(ctx, n, c.From, fn)
	}
	steps, ok := s.between(o, n)
	if !ok {
		return fmt.Errorf("%w: %s is not an earlier state of %s", ErrInvalid, c.Older, c.Newer)
	}
	view, err := s.openView(ctx, n, firstKeyring(c.Keys, s.keys)) // pins it, and so all it reads through
	if err != nil {
		return err
	}
	defer view.Close()
	keys := map[uint32]*volumeKeys{}
	for _, k := range view.d.keys {
		keys[k.number] = k
	}
	found := extentSet{}
	for _, st := range steps {
		if err := s.changedIn(ctx, st, keys, found); err != nil {
			return err
		}
	}
	found.each(c.From, uint64(n.size)/ExtentSize, fn)
	return nil
}

func firstKeyring(keys, other Keyring) Keyring {
	if keys != nil {
		return keys
	}
	return other
}

// step is what separates two states of one volume; since is nil where the volume has no
// part in the older snapshot.
type step struct {
	rid          aead.ID
	since, until *snapshotHeader
}

// between lists the steps from an older snapshot to a newer one: volumes that descend
// from the older's, whole, and in the older's own what came after it.
func (s *Store) between(o, n *snapshotHeader) (steps []step, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for at := n; at != nil && len(steps) <= MaxDepth+1; at = s.parentSnapshot(at.parent, at.parentGen) {
		rid := s.volumes[at.volume].rid
		if at.volume == o.volume {
			ok := o.generation < at.generation || at != n && o.generation == at.generation
			return append(steps, step{rid, o, at}), ok
		}
		steps = append(steps, step{rid, nil, at})
		if at.parent == 0 {
			break
		}
	}
	return nil, false
}

// changedIn adds the extents of a step to found, and checks them against its set hashes.
func (s *Store) changedIn(ctx context.Context, st step, keys map[uint32]*volumeKeys, found extentSet) error {
	own := keys[st.until.keys[0].dek]
	if own == nil {
		return fmt.Errorf("%w: data key %d of snapshot %s", ErrWrongKey, st.until.keys[0].dek, st.until.id)
	}
	until, err := st.until.open(own, st.rid)
	if err != nil {
		return err
	}
	want, sum := until.records, aead.SetHash{}
	if st.since == nil {
		err = s.allRecords(ctx, st, own, found, &sum)
	} else {
		var since *view
		if since, err = st.since.open(own, st.rid); err != nil {
			return err
		}
		want.Sub(since.records)
		err = s.newRecords(ctx, st, own, found, &sum)
	}
	if err == nil && sum != want {
		err = corrupt(KindBirths, st.until.id, "the changed extents do not add up to what the snapshot seals")
	}
	return err
}

// newRecords finds the extents born after since. What each birth put in the place of
// what is added up: over several births of an extent that is its newest for its oldest.
func (s *Store) newRecords(ctx context.Context, st step, own *volumeKeys, found extentSet, sum *aead.SetHash) error {
	from, to := birthKey(st.until.volume, st.since.generation+1, 0), birthKey(st.until.volume, st.until.generation+1, 0)
	return s.index.scan(from, to, func(k, _ []byte) (bool, error) {
		if len(k) != birthKeySize {
			return false, corrupt(KindBirths, st.until.id, "entry %x", k)
		}
		_, gen, extent := parseBirthKey(k)
		found.add(extent)
		err := s.newestPRF(st, own, extent, gen, sum.Add)
		if err == nil {
			err = s.newestPRF(st, own, extent, gen-1, sum.Sub)
		}
		return true, firstError(err, ctx.Err())
	})
}

// newestPRF calls fn with what stands in a set hash for an extent's newest record up to a generation.
func (s *Store) newestPRF(st step, own *volumeKeys, extent uint64, generation uint32, fn func([32]byte)) error {
	_, err := s.index.newest(st.until.volume, extent, generation, func(gen uint32, v []byte) error {
		var r extentRecord
		if _, err := decodeExtent(v, &r); err != nil {
			return corrupt(KindRecord, st.until.id, "extent %d: %v", extent, err)
		}
		fn(own.recordPRF(st.rid, extent, gen, r.mac))
		return nil
	})
	return err
}

// allRecords finds the extents of which the volume has a record of its own.
func (s *Store) allRecords(ctx context.Context, st step, own *volumeKeys, found extentSet, sum *aead.SetHash) error {
	from, last := numberKey(prefixExtent, st.until.volume), ^uint64(0)
	return s.index.scan(from, rangeEnd(from), func(k, v []byte) (bool, error) {
		_, extent, gen := parseExtentKey(k)
		if gen > st.until.generation || extent == last { // the newest record of an extent sorts first
			return true, ctx.Err()
		}
		last = extent
		var r extentRecord
		if _, err := decodeExtent(v, &r); err != nil {
			return false, corrupt(KindRecord, st.until.id, "extent %d: %v", extent, err)
		}
		found.add(extent)
		sum.Add(own.recordPRF(st.rid, extent, gen, r.mac))
		return true, ctx.Err()
	})
}

// shownExtents reports every extent from one on that the snapshot or its parents have a record of.
func (s *Store) shownExtents(ctx context.Context, sn *snapshotHeader, from uint64, fn func(uint64) bool) error {
	s.mu.RLock()
	h := &volumeHeader{id: sn.id, size: sn.size, parent: sn.volume, parentGen: sn.generation, overlap: sn.size}
	chain := s.bareChain(h)
	s.mu.RUnlock()
	d := &Device{store: s, number: sn.volume}
	d.chain.Store(&chain)
	for {
		first, ok, err := s.nextRecord(chain, from)
		if !ok || err != nil || int64(first)*ExtentSize >= sn.size {
			return err
		}
		from = first + punchExtents
		extents, err := d.mentioned(first, from)
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
}

// nextRecord returns the first extent from one on that a level of the chain has any record of.
func (s *Store) nextRecord(chain []level, from uint64) (next uint64, ok bool, err error) {
	for _, l := range chain {
		err := s.index.scan(appendExtentKey(nil, l.volume, from, ^uint32(0)), rangeEnd(numberKey(prefixExtent, l.volume)), func(k, _ []byte) (bool, error) {
			if _, extent, _ := parseExtentKey(k); !ok || extent < next {
				next, ok = extent, true
			}
			return false, nil
		})
		if err != nil {
			return 0, false, err
		}
	}
	return next, ok, nil
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
