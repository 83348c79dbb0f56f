package blockstore

import (
	"context"
	"errors"
	"fmt"
	"math/bits"

	"coffer.example/aead"
)

// ExtentInfo describes the extent of a volume or snapshot that holds an offset: what
// the dirty maps say of it, then the records of the volume itself and of what it reads through.
type ExtentInfo struct {
	ID      string       `json:"id"`
	Extent  uint64       `json:"extent"`
	Keys    string       `json:"keys"` // opened, or why records and blocks could not be authenticated
	Dirty   []BlockInfo  `json:"dirty,omitempty"`
	Records []RecordInfo `json:"records"`
}

// RecordInfo describes an extent record.
type RecordInfo struct {
	Volume     uint32      `json:"volume"`
	Generation uint32      `json:"generation"`
	Shown      bool        `json:"shown"` // the one that this view reads at its level
	Through    string      `json:"through"`
	Problem    string      `json:"problem,omitempty"`
	Holes      string      `json:"holes"` // bitmap of blocks that are holes and mask a parent
	Blocks     []BlockInfo `json:"blocks"`
}

// BlockInfo describes a block.
type BlockInfo struct {
	Block    uint64 `json:"block"`
	Slot     uint64 `json:"slot"`
	Zone     uint64 `json:"zone"`
	Offset   int64  `json:"offset"` // in the zone file
	Sequence uint64 `json:"sequence"`
	Session  uint32 `json:"session"`
	State    string `json:"state"` // authentic, dirty, hole, unchecked or what is wrong
}

// maxInspectRecords bounds the records of one level that are described.
const maxInspectRecords = 256

// extentLevel is a volume at a generation whose records are described.
type extentLevel struct {
	vol        *volume
	generation uint32
	name       string
	dek        uint32 // of its record MACs
	keys       []keySlot
}

// InspectExtent describes the extent at an offset of a volume or snapshot. Under keys (nil: the
// store's) records and blocks are authenticated as well; without, their structure is shown.
func (s *Store) InspectExtent(ctx context.Context, id string, offset int64, keys Keyring) (*ExtentInfo, error) {
	if keys == nil {
		keys = s.keys
	}
	levels, size, err := s.extentLevels(id)
	if err != nil {
		return nil, err
	}
	if offset < 0 || offset >= size {
		return nil, fmt.Errorf("%w: offset %d of %d bytes", ErrInvalid, offset, size)
	}
	out := &ExtentInfo{ID: id, Extent: uint64(offset) / ExtentSize, Keys: "opened"}
	opened, err := s.openLevels(ctx, id, levels, keys)
	if err != nil {
		out.Keys = err.Error()
	}
	defer opened.destroy()
	s.inspectDirty(out, levels[0])
	for _, l := range levels {
		if err := s.inspectLevel(out, l, opened); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// extentLevels returns what reads of an id look at, nearest first.
func (s *Store) extentLevels(id string) (out []extentLevel, size int64, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var parent, gen uint32
	if v := s.byID[id]; v != nil {
		h := v.header
		size = h.size
		out = append(out, extentLevel{v, currentView, "itself", h.keys[0].dek, h.keys})
		parent, gen = h.parent, h.parentGen
		if h.flags&flagFlattened != 0 {
			parent = 0
		}
	} else if sn := s.snapshots[id]; sn != nil {
		size, parent, gen = sn.size, sn.volume, sn.generation
	} else {
		return nil, 0, fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	for parent != 0 && len(out) <= MaxDepth+1 {
		v, sn := s.volumes[parent], s.parentSnapshot(parent, gen)
		if v == nil || sn == nil {
			return nil, 0, corrupt(KindVolumeHeader, id, "parent %d/%d is missing", parent, gen)
		}
		out = append(out, extentLevel{v, gen, "snapshot " + sn.id, sn.keys[0].dek, sn.keys})
		parent, gen = sn.parent, sn.parentGen
		if sn.flags&flagFlattened != 0 {
			break
		}
	}
	return out, size, nil
}

// openLevels opens the keys of the first level: it has all that its reads need.
func (s *Store) openLevels(ctx context.Context, id string, levels []extentLevel, keys Keyring) (*verifyKeys, error) {
	opened := &verifyKeys{all: map[uint32]*volumeKeys{}}
	for i := range levels[0].keys {
		k, err := s.unwrapSlot(ctx, id, &levels[0].keys[i], keys)
		if err != nil {
			return opened, err
		}
		opened.all[k.number] = k
	}
	return opened, nil
}

// inspectDirty describes what an open device has not committed yet.
func (s *Store) inspectDirty(out *ExtentInfo, l extentLevel) {
	s.mu.RLock()
	d := l.vol.device
	s.mu.RUnlock()
	if d == nil || l.generation != currentView {
		return
	}
	sh := d.shard(out.Extent)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for i := range ExtentBlocks {
		b, st, ok := sh.dirtyState(out.Extent, i)
		if !ok {
			continue
		}
		info := s.blockInfo(out.Extent, i, st.slot, st.sequence)
		info.State = "hole"
		if b != nil {
			info.Session, info.State = b.session, "dirty"
		}
		out.Dirty = append(out.Dirty, info)
	}
}

func (s *Store) blockInfo(extent uint64, i int, slot, sequence uint64) BlockInfo {
	return BlockInfo{Block: extent*ExtentBlocks + uint64(i), Slot: slot, Zone: slot / s.super.zoneSlots,
		Offset: s.slotOffset(slot), Sequence: sequence}
}

// inspectLevel describes the records of an extent in one volume, newest first.
func (s *Store) inspectLevel(out *ExtentInfo, l extentLevel, keys *verifyKeys) error {
	ticket := s.epochs.enter()
	defer s.epochs.leave(ticket)
	d := &Device{store: s, vol: l.vol, number: l.vol.number, rid: l.vol.rid, sessions: newSessionSet(s, keys.all),
		view: &snapshotHeader{id: out.ID}, uncached: true}
	d.scratch.New = func() any { return new(aead.Scratch) }
	shown, n := false, 0
	from, to := appendExtentKey(nil, l.vol.number, out.Extent, ^uint32(0)), appendExtentKey(nil, l.vol.number, out.Extent+1, ^uint32(0))
	return s.index.scan(from, to, func(k, val []byte) (bool, error) {
		_, _, gen := parseExtentKey(k)
		r := RecordInfo{Volume: l.vol.number, Generation: gen, Through: l.name, Shown: !shown && gen <= l.generation}
		shown = shown || r.Shown
		s.inspectRecord(&r, d, out.Extent, val, keys.all[l.dek])
		out.Records = append(out.Records, r)
		n++
		return n < maxInspectRecords, nil
	})
}

func (s *Store) inspectRecord(out *RecordInfo, d *Device, extent uint64, val []byte, own *volumeKeys) {
	var r extentRecord
	n, err := decodeExtent(val, &r)
	if err == nil && own != nil && extentMAC(own.index, d.rid, extent, out.Generation, val[:n]) != r.mac {
		err = errors.New("does not authenticate")
	}
	if err != nil {
		out.Problem = err.Error()
	}
	out.Holes = fmt.Sprintf("%016b", bits.Reverse16(r.zero))
	for m := r.present; m != 0; m &= m - 1 {
		i := bits.TrailingZeros16(m)
		b := s.blockInfo(extent, i, r.slots[i], r.sequences[i])
		b.Session, b.State = r.sessions[i], "unchecked"
		if own != nil {
			b.State = "authentic"
			read := blockRead{block: b.Block, slot: b.Slot, sequence: b.Sequence, session: b.Session, tag: r.tags[i], dst: make([]byte, BlockSize)}
			if err := d.fetch([]blockRead{read}); err != nil {
				b.State = err.Error()
			}
		}
		out.Blocks = append(out.Blocks, b)
	}
}
