package blockstore

import (
	"context"
	"fmt"
	"maps"

	"coffer.example/aead"
)

// CloneSnapshot makes a volume that shows a snapshot's content. Under the source's KMS
// key it shares the data key and is complete at once; under another it has a data key
// of its own, is usable at once, and is re-encrypted as it is written and behind by a
// walker. A plain source becomes encrypted the same way; an encrypted one never plain.
func (s *Store) CloneSnapshot(ctx context.Context, snapshot string, spec VolumeSpec) (Volume, error) {
	return s.clone(ctx, snapshot, spec, 0)
}

func (s *Store) clone(ctx context.Context, snapshot string, spec VolumeSpec, flags uint8) (Volume, error) {
	s.mu.RLock()
	sn := s.snapshots[snapshot]
	s.mu.RUnlock()
	if sn == nil {
		return Volume{}, fmt.Errorf("%w: snapshot %s", ErrNotFound, snapshot)
	}
	if spec.Size == 0 {
		spec.Size = sn.size
	}
	if err := s.complete(&spec); err != nil {
		return Volume{}, err
	}
	if spec.Size < sn.size {
		return Volume{}, fmt.Errorf("%w: %d bytes are smaller than snapshot %s of %d", ErrInvalid, spec.Size, snapshot, sn.size)
	}
	if spec.Key == "" && sn.keys[0].key != "" {
		return Volume{}, fmt.Errorf("%w: snapshot %s is encrypted, so its copy needs a key", ErrInvalid, snapshot)
	}
	pinned, err := s.pin(sn)
	if err != nil {
		return Volume{}, err
	}
	defer s.unpin(pinned, sn.generation) // the clone has its own pin by then
	h, err := s.newHeader(&spec)
	if err != nil {
		return Volume{}, err
	}
	h.flags |= flags
	h.parent, h.parentGen, h.overlap = sn.volume, sn.generation, sn.size
	b := s.index.newBatch()
	keys, err := s.cloneKeys(ctx, b, h, sn, &spec)
	if err != nil {
		return Volume{}, err
	}
	defer func() {
		for _, k := range keys {
			k.destroy()
		}
	}()
	if err := s.flattenDeep(ctx, h, keys); err != nil {
		return Volume{}, err
	}
	out, err := s.commitNewVolume(b, h, keys[0])
	if err == nil {
		s.walkLater(h.number, spec.Keys)
	}
	return out, err
}

// pin keeps a snapshot from being freed.
func (s *Store) pin(sn *snapshotHeader) (*volume, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.volumes[sn.volume]
	if v == nil || s.parentSnapshot(sn.volume, sn.generation) == nil || sn.state == snapshotDeleting {
		return nil, fmt.Errorf("%w: snapshot %s", ErrNotFound, sn.id)
	}
	v.pins[sn.generation]++
	return v, nil
}

// cloneKeys gives the clone its key slots: its own first, then those it reads through
// until it has been walked. They are all wrapped under the clone's KMS key, so losing
// the source's strands nothing. It returns the keys in clear in the same order.
func (s *Store) cloneKeys(ctx context.Context, b *batch, h *volumeHeader, sn *snapshotHeader, spec *VolumeSpec) ([]*volumeKeys, error) {
	var keys []*volumeKeys
	fail := func(err error) ([]*volumeKeys, error) {
		for _, k := range keys {
			k.destroy()
		}
		return nil, err
	}
	for i := range sn.keys {
		slot, k, err := s.rewrapSlot(ctx, sn.id, &sn.keys[i], spec)
		if err != nil {
			return fail(err)
		}
		h.keys, keys = append(h.keys, slot), append(keys, k)
	}
	wasPlain, plain := sn.keys[0].key == "", spec.Key == ""
	if wasPlain == plain && h.keys[0].key == sn.keys[0].key {
		return keys, nil // the same KMS key, or both plain: the lineage's data key goes on
	}
	if len(h.keys) >= MaxDataKeys {
		return fail(fmt.Errorf("%w: %d data keys of one volume", ErrLimit, MaxDataKeys))
	}
	own, rec, err := s.newDataKey(ctx, h, spec)
	if err != nil {
		return fail(err)
	}
	b.set(numberKey(prefixDEK, own.number), rec.encode())
	return append([]*volumeKeys{own}, keys...), nil
}

// rewrapSlot wraps a source's data key for a clone. A plain source's data key stays
// under the store key: a KMS key is given nothing that was not its own.
func (s *Store) rewrapSlot(ctx context.Context, id string, src *keySlot, spec *VolumeSpec) (keySlot, *volumeKeys, error) {
	slot := keySlot{dek: src.dek, context: maps.Clone(spec.Context)}
	if src.key == "" {
		k, err := s.unwrapSlot(ctx, id, src, nil)
		if err != nil {
			return slot, nil, err
		}
		if slot.wrapped, err = s.wrapPlain(k.dek, slot.context); err != nil {
			k.destroy()
		}
		return slot, k, err
	}
	dek, wrapped, arn, err := spec.Keys.Rewrap(ctx, src.wrapped, src.context, spec.Key, spec.Context)
	if err != nil {
		return slot, nil, &KeyError{ID: id, Err: err}
	}
	slot.wrapped, slot.key = wrapped, arn
	k, err := s.checkedKeys(id, dek, src.dek)
	return slot, k, err
}

// checkedKeys compares a data key with its record's commitment and derives its keys.
func (s *Store) checkedKeys(id string, dek *aead.DataKey, number uint32) (*volumeKeys, error) {
	rec, err := s.dekRecord(id, number)
	if err == nil && !dek.Matches(rec.commitment) {
		err = fmt.Errorf("%w: %s", ErrWrongKey, id)
	}
	if err != nil {
		dek.Destroy()
		return nil, err
	}
	k, err := newVolumeKeys(dek, number, rec.suite)
	if err != nil {
		dek.Destroy()
	}
	return k, err
}

// flattenDeep copies the parents' records into a clone whose chain would be too deep:
// index records only, no data. They go on naming the parents' slots and sessions, so
// the pin stays.
func (s *Store) flattenDeep(ctx context.Context, h *volumeHeader, keys []*volumeKeys) error {
	byNumber := map[uint32]*volumeKeys{}
	for _, k := range keys {
		byNumber[k.number] = k
	}
	s.mu.RLock()
	depth := s.depth(h)
	s.mu.RUnlock()
	if depth <= MaxDepth {
		return nil
	}
	chain, err := s.parentChainLimit(h, byNumber, depth)
	if err != nil {
		return err
	}
	d := &Device{store: s, number: h.number, rid: h.rid, keys: keys, view: &snapshotHeader{id: h.id}}
	d.size.Store(h.size)
	d.chain.Store(&chain)
	for from := uint64(0); from*ExtentSize < uint64(h.size); from += punchExtents {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := d.flattenStep(h, from, from+punchExtents); err != nil {
			return err
		}
	}
	h.flags |= flagFlattened
	return nil
}

// depth returns the length of the chain that a volume reads through. It needs s.mu.
func (s *Store) depth(h *volumeHeader) int {
	n := 0
	flat := h.flags&flagFlattened != 0
	for parent, gen := h.parent, h.parentGen; parent != 0 && !flat; n++ {
		sn := s.parentSnapshot(parent, gen)
		if sn == nil {
			break
		}
		parent, gen, flat = sn.parent, sn.parentGen, sn.flags&flagFlattened != 0
	}
	return n
}

// flattenStep commits the merged records of extents [from, to). Until the volume's own
// record exists they belong to nobody and are swept at the next open.
func (d *Device) flattenStep(h *volumeHeader, from, to uint64) error {
	extents, err := d.mentioned(from, to)
	if err != nil || len(extents) == 0 {
		return err
	}
	b := d.store.index.newBatch()
	for _, e := range extents {
		r, err := d.merged(e)
		if err != nil {
			return err
		}
		if r.covered() == 0 {
			continue
		}
		b.set(appendExtentKey(nil, d.number, e, h.generation), encodeExtent(nil, r, d.keys[0].index, d.rid, e, h.generation))
		h.currentView.records.Add(d.keys[0].recordPRF(d.rid, e, h.generation, r.mac))
	}
	return d.store.index.commit(b)
}

// merged is what the chain shows of an extent, as one record.
func (d *Device) merged(extent uint64) (*extentRecord, error) {
	out := new(extentRecord)
	known := uint16(0)
	chain := d.levels()
	for l := range chain {
		known |= ^shownMask(chain[l].blocks, extent)
		r, err := d.recordAt(chain, l, extent)
		if err != nil {
			return nil, err
		}
		if r == nil {
			continue
		}
		for i := range ExtentBlocks {
			if known>>i&1 == 0 && r.has(i) {
				out.present |= 1 << i
				out.sessions[i], out.slots[i], out.sequences[i], out.tags[i] = r.sessions[i], r.slots[i], r.sequences[i], r.tags[i]
			}
		}
		known |= r.covered()
	}
	return out, nil
}
