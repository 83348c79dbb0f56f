package blockstore

import (
	"fmt"
	"time"
)

// VolumeInfo describes a volume or, with Snapshot set, a snapshot.
type VolumeInfo struct {
	ID         string    `json:"id"`
	Number     uint32    `json:"number"`
	Snapshot   bool      `json:"snapshot"`
	State      string    `json:"state"`
	SizeBytes  int64     `json:"sizeBytes"`
	Generation uint32    `json:"generation"`
	Created    time.Time `json:"created"`
	Plain      bool      `json:"plain"` // sealed under the store's own key
	Flattened  bool      `json:"flattened"`
	Copy       bool      `json:"copy"`            // becomes a snapshot when it has been walked
	Reads      string    `json:"reads,omitempty"` // the volume/generation that it reads through
	Overlap    int64     `json:"overlapBytes"`    // of that which shows through
	Walked     int64     `json:"walkedBytes"`     // re-encrypted so far, if it is being
	Sequence   uint64    `json:"sequence,omitempty"`
	Keys       []KeyInfo `json:"keys"` // own first, then what it still reads through
	Attached   bool      `json:"attached"`
	Open       bool      `json:"open"`
	DirtyBytes int64     `json:"dirtyBytes"`
	Session    uint32    `json:"session,omitempty"` // that new blocks are sealed under
	Err        string    `json:"error,omitempty"`
}

// KeyInfo names a data key and what wraps it.
type KeyInfo struct {
	DataKey uint32            `json:"dataKey"`
	Key     string            `json:"key"` // ARN; empty: the store's own
	Context map[string]string `json:"context"`
}

// InspectVolume describes the volume or snapshot of an id.
func (s *Store) InspectVolume(id string) (VolumeInfo, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if sn := s.snapshots[id]; sn != nil {
		return VolumeInfo{ID: id, Number: sn.volume, Snapshot: true, State: sn.state.String(), SizeBytes: sn.size, Generation: sn.generation,
			Created: time.Unix(0, sn.created).UTC(), Plain: sn.flags&flagPlain != 0, Flattened: sn.flags&flagFlattened != 0,
			Reads: readsName(sn.parent, sn.parentGen), Overlap: sn.overlap, Sequence: sn.sequence, Keys: keyInfos(sn.keys)}, nil
	}
	v := s.byID[id]
	if v == nil {
		return VolumeInfo{}, fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	h := v.header
	out := VolumeInfo{ID: id, Number: h.number, State: h.state.String(), SizeBytes: h.size, Generation: h.generation,
		Created: time.Unix(0, h.created).UTC(), Plain: h.flags&flagPlain != 0, Flattened: h.flags&flagFlattened != 0, Copy: v.isCopy,
		Reads: readsName(h.parent, h.parentGen), Overlap: h.overlap, Walked: int64(h.walkCursor) * ExtentSize,
		Keys: keyInfos(h.keys), Attached: v.attached}
	if d := v.device; d != nil {
		out.Open, out.DirtyBytes = true, d.dirty.Load()
		if o := d.session.current.Load(); o != nil {
			out.Session = o.number
		}
		if err := d.failure(); err != nil {
			out.Err = err.Error()
		}
	}
	return out, nil
}

func keyInfos(slots []keySlot) []KeyInfo {
	var out []KeyInfo
	for _, k := range slots {
		out = append(out, KeyInfo{DataKey: k.dek, Key: k.key, Context: k.context})
	}
	return out
}
