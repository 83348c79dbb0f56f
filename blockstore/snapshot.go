package blockstore

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"coffer.example/aead"
)

// Snapshot describes a snapshot.
type Snapshot struct {
	ID       string
	Volume   string // id of the volume it was taken of, which may be gone
	Size     int64  // bytes
	Key      string
	Context  map[string]string
	Created  time.Time
	DataKey  uint32 // as in Volume
	Sequence uint64 // store-wide: snapshots with a higher one are younger
	Clones   int    // volumes that read through it
}

// SnapshotRequest names a snapshot to take of a volume.
type SnapshotRequest struct {
	Volume string
	ID     string // empty draws one
	Keys   Keyring
}

// CreateSnapshot takes a snapshot of a volume: one flush round, whatever its size.
func (s *Store) CreateSnapshot(ctx context.Context, r SnapshotRequest) (Snapshot, error) {
	out, err := s.CreateSnapshots(ctx, []SnapshotRequest{r})
	if err != nil {
		return Snapshot{}, err
	}
	return out[0], nil
}

// MaxSnapshotSet bounds the volumes of one CreateSnapshots call.
const MaxSnapshotSet = 128

// CreateSnapshots takes snapshots of several volumes at one instant: all are frozen
// before any is flushed, so the set is consistent across them. On an error some may
// exist already; they are deleted again.
func (s *Store) CreateSnapshots(ctx context.Context, requests []SnapshotRequest) ([]Snapshot, error) {
	if err := s.writable(); err != nil {
		return nil, err
	}
	if len(requests) == 0 || len(requests) > MaxSnapshotSet {
		return nil, fmt.Errorf("%w: %d snapshots at once, at most %d", ErrInvalid, len(requests), MaxSnapshotSet)
	}
	devices := make([]*Device, 0, len(requests))
	defer func() {
		for _, d := range devices {
			_ = s.releaseDevice(context.WithoutCancel(ctx), d) // its flush error is the volume's own and stays with it
		}
	}()
	requests = slices.Clone(requests)
	for i := range requests {
		d, err := s.prepareSnapshot(ctx, &requests[i])
		if err != nil {
			return nil, err
		}
		if slices.Contains(devices, d) {
			_ = s.releaseDevice(ctx, d)
			return nil, fmt.Errorf("%w: volume %s named twice", ErrInvalid, requests[i].Volume)
		}
		devices = append(devices, d)
	}
	return s.snapshotDevices(ctx, requests, devices)
}

// prepareSnapshot checks a request and opens its volume.
func (s *Store) prepareSnapshot(ctx context.Context, r *SnapshotRequest) (*Device, error) {
	if r.ID == "" {
		id, err := newID(s.rand, "snap-")
		if err != nil {
			return nil, err
		}
		r.ID = id
	}
	if err := checkID(r.ID); err != nil {
		return nil, err
	}
	s.mu.RLock()
	v := s.byID[r.Volume]
	taken := s.snapshots[r.ID] != nil
	s.mu.RUnlock()
	switch {
	case v == nil:
		return nil, fmt.Errorf("%w: volume %s", ErrNotFound, r.Volume)
	case taken:
		return nil, fmt.Errorf("%w: snapshot %s", ErrExists, r.ID)
	}
	return s.openForWork(ctx, v, r.Keys)
}

// openForWork takes a reference to a volume's device: an open device needs no key again,
// since it is the volume's own work.
func (s *Store) openForWork(ctx context.Context, v *volume, keys Keyring) (*Device, error) {
	s.mu.Lock()
	if d := v.device; d != nil && d.failure() == nil {
		v.refs++
		s.mu.Unlock()
		return d, nil
	}
	s.mu.Unlock()
	return s.openDevice(ctx, v, AttachOptions{Keys: keys})
}

func (s *Store) snapshotDevices(ctx context.Context, requests []SnapshotRequest, devices []*Device) ([]Snapshot, error) {
	order := slices.Clone(devices)
	slices.SortFunc(order, func(a, b *Device) int { return cmp.Compare(a.number, b.number) })
	for _, d := range order {
		d.vol.roundMu.Lock()
		defer d.vol.roundMu.Unlock()
		if err := d.usable(); err != nil {
			return nil, err
		}
	}
	headers, sets := s.freezeAll(requests, devices, order)
	var failed error
	out := make([]Snapshot, len(requests))
	for i, d := range devices {
		if err := d.commitFrozen(sets[i], headers[i]); err != nil {
			failed = firstError(failed, err) // the other volumes are frozen and must still be committed
			continue
		}
		if err := s.saveAnchor(ctx, d.header(), d.keys[0]); err != nil {
			failed = firstError(failed, err)
		}
		out[i] = s.describeSnapshot(headers[i])
	}
	return out, failed
}

// freezeAll freezes every volume while no write is between its sequence and the dirty map of any.
func (s *Store) freezeAll(requests []SnapshotRequest, devices, order []*Device) ([]*snapshotHeader, []*dirtySet) {
	early := s.sequence.Load()
	if s.seams.without(ruleSequenceUnderLock) {
		time.Sleep(time.Millisecond)
	}
	for _, d := range order {
		d.freezeMu.Lock()
	}
	headers, sets := make([]*snapshotHeader, len(devices)), make([]*dirtySet, len(devices))
	for i, d := range devices {
		var sequence uint64
		sets[i], sequence = d.freezeLocked()
		if s.seams.without(ruleSequenceUnderLock) {
			sequence = early
		}
		h := d.header()
		headers[i] = &snapshotHeader{id: requests[i].ID, state: snapshotLive, flags: h.flags & (flagPlain | flagFlattened), size: h.size,
			sequence: sequence, created: s.clock().UnixNano(), parent: h.parent, parentGen: h.parentGen, overlap: h.overlap,
			keys: h.keys, volume: h.number, generation: h.generation}
	}
	for _, d := range order {
		d.freezeMu.Unlock()
	}
	return headers, sets
}

// Snapshot returns the snapshot with an id.
func (s *Store) Snapshot(id string) (Snapshot, error) {
	s.mu.RLock()
	sn := s.snapshots[id]
	s.mu.RUnlock()
	if sn == nil {
		return Snapshot{}, fmt.Errorf("%w: snapshot %s", ErrNotFound, id)
	}
	return s.describeSnapshot(sn), nil
}

// Snapshots returns the snapshots, oldest first.
func (s *Store) Snapshots() []Snapshot {
	s.mu.RLock()
	all := slices.Collect(maps.Values(s.snapshots))
	s.mu.RUnlock()
	slices.SortFunc(all, func(a, b *snapshotHeader) int {
		return cmp.Or(cmp.Compare(a.sequence, b.sequence), cmp.Compare(a.volume, b.volume), cmp.Compare(a.generation, b.generation))
	})
	out := make([]Snapshot, len(all))
	for i, sn := range all {
		out[i] = s.describeSnapshot(sn)
	}
	return out
}

func (s *Store) describeSnapshot(sn *snapshotHeader) Snapshot {
	s.mu.RLock()
	defer s.mu.RUnlock()
	v := s.volumes[sn.volume]
	return Snapshot{ID: sn.id, Volume: v.id, Size: sn.size, Key: sn.keys[0].key, Context: maps.Clone(sn.keys[0].context),
		Created: time.Unix(0, sn.created), DataKey: sn.keys[0].dek, Sequence: sn.sequence, Clones: v.pins[sn.generation]}
}

// View is a snapshot opened for reading.
type View struct {
	d *Device
}

// OpenSnapshot opens a snapshot for reading under keys (nil: the store's Keyring).
func (s *Store) OpenSnapshot(ctx context.Context, id string, keys Keyring) (*View, error) {
	if keys == nil {
		keys = s.keys
	}
	s.mu.RLock()
	sn := s.snapshots[id]
	s.mu.RUnlock()
	if sn == nil {
		return nil, fmt.Errorf("%w: snapshot %s", ErrNotFound, id)
	}
	return s.openView(ctx, sn, keys)
}

// openView makes a read-only device whose own records are the parent chain's first
// level: the snapshot itself. It pins the snapshot until closed.
func (s *Store) openView(ctx context.Context, sn *snapshotHeader, keys Keyring) (*View, error) {
	s.mu.Lock()
	v := s.volumes[sn.volume]
	if sn.state == snapshotDeleting || v == nil {
		s.mu.Unlock()
		return nil, fmt.Errorf("%w: snapshot %s", ErrNotFound, sn.id)
	}
	v.pins[sn.generation]++
	s.mu.Unlock()
	d, err := s.newView(ctx, sn, v, keys)
	if err != nil {
		s.unpin(v, sn.generation)
		return nil, err
	}
	return &View{d}, nil
}

func (s *Store) newView(ctx context.Context, sn *snapshotHeader, v *volume, keys Keyring) (*Device, error) {
	ks, err := s.unwrapAll(ctx, sn.id, sn.keys, keys)
	if err != nil {
		return nil, err
	}
	byNumber := map[uint32]*volumeKeys{}
	for _, k := range ks {
		byNumber[k.number] = k
	}
	h := &volumeHeader{id: sn.id, size: sn.size, parent: sn.volume, parentGen: sn.generation, overlap: sn.size}
	chain, err := s.parentChain(h, byNumber)
	if err != nil {
		for _, k := range ks {
			k.destroy()
		}
		return nil, err
	}
	d := &Device{store: s, vol: v, number: sn.volume, rid: v.rid, keys: ks,
		sessions: newSessionSet(s, byNumber), view: sn}
	d.size.Store(sn.size)
	d.chain.Store(&chain)
	d.scratch.New = func() any { return new(aead.Scratch) }
	return d, nil
}

// ReadAt implements io.ReaderAt as Device.ReadAt does.
func (v *View) ReadAt(p []byte, off int64) (int, error) { return v.d.ReadAt(p, off) }

// Size returns the snapshot's size in bytes.
func (v *View) Size() int64 { return v.d.Size() }

// Extents is Device.Extents.
func (v *View) Extents(ctx context.Context, off, n int64, fn func(length int64, data bool) bool) error {
	return v.d.Extents(ctx, off, n, fn)
}

// Close ends the use of the snapshot.
func (v *View) Close() error {
	if v.d.closed.CompareAndSwap(false, true) {
		for _, k := range v.d.keys {
			k.destroy()
		}
		v.d.store.blocks.forget(v.d)
		v.d.store.epochs.barrier() // a read under way ends before the records can go
		v.d.store.unpin(v.d.vol, v.d.view.generation)
	}
	return nil
}

// unpin gives up a pin on a snapshot; a hidden one without pins is deleted now.
func (s *Store) unpin(v *volume, generation uint32) {
	s.mu.Lock()
	v.pins[generation]--
	if v.pins[generation] <= 0 {
		delete(v.pins, generation)
	}
	s.mu.Unlock()
	s.sweepLater(v)
}
