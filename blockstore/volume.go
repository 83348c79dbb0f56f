package blockstore

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"coffer.example/aead"
)

// VolumeSpec describes a volume to create.
type VolumeSpec struct {
	// ID names the volume ("vol-…"); empty draws one.
	ID string
	// Size in bytes, a multiple of GiB. A clone may leave it 0 for its source's size.
	Size int64
	// Key is the KMS key that wraps the data key (id, ARN, alias or alias ARN). Empty makes a plain volume, sealed under the store's own key.
	Key string
	// Context is the encryption context; nil is {"aws:ebs:id": ID}. The volume keeps it.
	Context map[string]string
	// Keys acts for the creator; nil takes the store's Keyring.
	Keys Keyring
}

// Volume describes a volume.
type Volume struct {
	ID       string
	Size     int64 // bytes
	Key      string
	Context  map[string]string
	Created  time.Time
	Attached bool
	// DataKey identifies the data key: equal along a lineage, different after re-encryption.
	DataKey uint32
	// Parent is the snapshot that the volume still reads through, empty if none.
	Parent string
	// Err is why the volume has failed, nil if it works.
	Err error
}

// volume is a volume in memory. The store's mu guards the pointers; roundMu orders
// everything that changes the volume's records.
type volume struct {
	number uint32
	id     string
	rid    aead.ID
	isCopy bool // a snapshot copy in the making

	header    *volumeHeader
	snapshots []*snapshotHeader // by generation, ascending
	pins      map[uint32]int    // clones whose parent is this volume at a generation
	device    *Device           // nil unless open
	refs      int               // users of device
	attached  bool
	opening   bool

	walking bool // a walker goroutine runs
	walkErr error

	roundMu sync.Mutex // one flush round or maintenance batch at a time
	sweepMu sync.Mutex // one deletion at a time; taken before roundMu
}

func newVolume(h *volumeHeader) *volume {
	return &volume{number: h.number, id: h.id, rid: h.rid, isCopy: h.flags&flagCopy != 0, header: h, pins: map[uint32]int{}}
}

// lastSnapshot is L of the free rule: the newest snapshot that exists. A hidden one
// (deleted by its user, pinned by a clone) exists; one being deleted does not.
func (v *volume) lastSnapshot() *snapshotHeader {
	for i := len(v.snapshots) - 1; i >= 0; i-- {
		if v.snapshots[i].state != snapshotDeleting {
			return v.snapshots[i]
		}
	}
	return nil
}

func newID(rand io.Reader, prefix string) (string, error) {
	var b [9]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return "", fmt.Errorf("blockstore: draw id: %w", err)
	}
	return prefix + hex.EncodeToString(b[:])[:17], nil
}

func checkID(id string) error {
	if id == "" || len(id) > MaxIDSize {
		return fmt.Errorf("%w: id %q", ErrInvalid, id)
	}
	for _, c := range []byte(id) {
		if c != '-' && c != '_' && c != '.' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return fmt.Errorf("%w: id %q", ErrInvalid, id)
		}
	}
	return nil
}

func checkSize(size int64) error {
	if size < MinVolumeSize || size > MaxVolumeSize || size%GiB != 0 {
		return fmt.Errorf("%w: size of %d bytes; whole GiB from 1 to 16384", ErrInvalid, size)
	}
	return nil
}

// complete fills in the defaults of a spec and checks it.
func (s *Store) complete(spec *VolumeSpec) error {
	if err := s.writable(); err != nil {
		return err
	}
	if spec.ID == "" {
		id, err := newID(s.rand, "vol-")
		if err != nil {
			return err
		}
		spec.ID = id
	}
	if err := checkID(spec.ID); err != nil {
		return err
	}
	if err := checkSize(spec.Size); err != nil {
		return err
	}
	if spec.Context == nil {
		spec.Context = map[string]string{"aws:ebs:id": spec.ID}
	}
	size := 0
	for k, v := range spec.Context {
		size += len(k) + len(v)
	}
	if len(spec.Context) > MaxContextPairs || size > MaxContextSize {
		return fmt.Errorf("%w: encryption context of %d pairs, %d bytes", ErrInvalid, len(spec.Context), size)
	}
	if spec.Keys == nil {
		spec.Keys = s.keys
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.byID[spec.ID] != nil {
		return fmt.Errorf("%w: volume %s", ErrExists, spec.ID)
	}
	if len(s.volumes) >= MaxVolumes {
		return fmt.Errorf("%w: %d volumes", ErrLimit, MaxVolumes)
	}
	return nil
}

// CreateVolume creates an empty volume under a new data key.
func (s *Store) CreateVolume(ctx context.Context, spec VolumeSpec) (Volume, error) {
	if err := s.complete(&spec); err != nil {
		return Volume{}, err
	}
	h, err := s.newHeader(&spec)
	if err != nil {
		return Volume{}, err
	}
	keys, rec, err := s.newDataKey(ctx, h, &spec)
	if err != nil {
		return Volume{}, err
	}
	defer keys.destroy()
	b := s.index.newBatch()
	b.set(numberKey(prefixDEK, keys.number), rec.encode())
	return s.commitNewVolume(b, h, keys)
}

// newHeader draws the identity of a new volume.
func (s *Store) newHeader(spec *VolumeSpec) (*volumeHeader, error) {
	h := &volumeHeader{id: spec.ID, state: volumeLive, size: spec.Size, generation: 1, created: s.clock().UnixNano()}
	if _, err := io.ReadFull(s.rand, h.rid[:]); err != nil {
		return nil, fmt.Errorf("blockstore: draw volume id: %w", err)
	}
	if spec.Key == "" {
		h.flags |= flagPlain
	}
	var err error
	h.number, err = s.nextNumber(numberVolume)
	return h, err
}

// newDataKey draws a data key for a new volume and adds its slot to the header.
func (s *Store) newDataKey(ctx context.Context, h *volumeHeader, spec *VolumeSpec) (*volumeKeys, *dekRecord, error) {
	var dek *aead.DataKey
	slot := keySlot{context: maps.Clone(spec.Context)}
	var err error
	if spec.Key == "" {
		if dek, err = aead.NewDataKey(s.rand); err == nil {
			slot.wrapped, err = s.wrapPlain(dek, slot.context)
		}
	} else {
		dek, slot.wrapped, slot.key, err = spec.Keys.NewDataKey(ctx, spec.Key, spec.Context)
	}
	if err != nil {
		return nil, nil, &KeyError{ID: h.id, Err: err}
	}
	if slot.dek, err = s.nextNumber(numberDEK); err != nil {
		return nil, nil, err
	}
	keys, err := newVolumeKeys(dek, slot.dek, s.suite)
	if err != nil {
		return nil, nil, err
	}
	h.keys = append([]keySlot{slot}, h.keys...)
	return keys, &dekRecord{suite: s.suite, commitment: dek.Commitment()}, nil
}

// commitNewVolume seals the header, makes the batch durable and publishes the volume.
func (s *Store) commitNewVolume(b *batch, h *volumeHeader, keys *volumeKeys) (Volume, error) {
	h.currentView.counter = 1
	if err := h.seal(keys, s.rand); err != nil {
		return Volume{}, err
	}
	b.set(numberKey(prefixVolume, h.number), h.encode())
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byID[h.id] != nil {
		return Volume{}, fmt.Errorf("%w: volume %s", ErrExists, h.id)
	}
	if err := s.index.commit(b); err != nil {
		return Volume{}, err
	}
	v := newVolume(h)
	s.volumes[h.number], s.byID[h.id] = v, v
	if h.parent != 0 {
		s.volumes[h.parent].pins[h.parentGen]++
	}
	return s.describe(v), nil
}

// contextBytes is the AAD of a data key under the store key: pairs sorted, every part length-prefixed.
func contextBytes(pairs map[string]string) []byte {
	b := []byte{byte(len(pairs))}
	for _, k := range slices.Sorted(maps.Keys(pairs)) {
		for _, part := range []string{k, pairs[k]} {
			b = append(append(b, byte(len(part)>>8), byte(len(part))), part...)
		}
	}
	return b
}

// wrapPlain wraps a plain volume's data key under the store key.
func (s *Store) wrapPlain(dek *aead.DataKey, pairs map[string]string) ([]byte, error) {
	return s.wrap.Wrap(s.rand, dek.Secret().Bytes(), contextBytes(pairs))
}

// dekRecord reads the K record of a data key.
func (s *Store) dekRecord(id string, number uint32) (*dekRecord, error) {
	v, err := s.index.get(numberKey(prefixDEK, number))
	if errors.Is(err, ErrNotFound) {
		return nil, corrupt(KindDataKey, id, "data key record %d is missing", number)
	}
	if err != nil {
		return nil, err
	}
	rec, err := decodeDEK(v)
	if err != nil {
		return nil, corrupt(KindDataKey, id, "data key record %d", number)
	}
	return rec, nil
}

// unwrapSlot opens one wrapped data key and checks that it is the one it claims to be.
func (s *Store) unwrapSlot(ctx context.Context, id string, slot *keySlot, keys Keyring) (*volumeKeys, error) {
	dek, err := s.unwrapDEK(ctx, slot, keys)
	if err != nil {
		return nil, &KeyError{ID: id, Err: err}
	}
	return s.checkedKeys(id, dek, slot.dek)
}

func (s *Store) unwrapDEK(ctx context.Context, slot *keySlot, keys Keyring) (*aead.DataKey, error) {
	if slot.key != "" {
		if keys == nil {
			return nil, ErrNoKeys
		}
		return keys.Unwrap(ctx, slot.wrapped, slot.context)
	}
	if s.wrap == nil {
		return nil, ErrNoKeys
	}
	secret, err := s.wrap.Unwrap(slot.wrapped, contextBytes(slot.context))
	if err != nil {
		return nil, err
	}
	return aead.DataKeyFromSecret(secret)
}

// unwrapAll opens every data key of a volume or snapshot; the first is its own.
func (s *Store) unwrapAll(ctx context.Context, id string, slots []keySlot, keys Keyring) ([]*volumeKeys, error) {
	if len(slots) == 0 {
		return nil, corrupt(KindVolumeHeader, id, "no data key")
	}
	var out []*volumeKeys
	for i := range slots {
		k, err := s.unwrapSlot(ctx, id, &slots[i], keys)
		if err != nil {
			for _, o := range out {
				o.destroy()
			}
			return nil, err
		}
		out = append(out, k)
	}
	return out, nil
}

// Volume returns the volume with an id.
func (s *Store) Volume(id string) (Volume, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	v := s.byID[id]
	if v == nil {
		return Volume{}, fmt.Errorf("%w: volume %s", ErrNotFound, id)
	}
	return s.describe(v), nil
}

// Volumes returns the volumes in the order of their creation.
func (s *Store) Volumes() []Volume {
	s.mu.RLock()
	defer s.mu.RUnlock()
	numbers := slices.Sorted(maps.Keys(s.volumes))
	var out []Volume
	for _, n := range numbers {
		if v := s.volumes[n]; s.byID[v.id] == v && !v.isCopy {
			out = append(out, s.describe(v))
		}
	}
	return out
}

// describe needs s.mu.
func (s *Store) describe(v *volume) Volume {
	h := v.header
	out := Volume{ID: h.id, Size: h.size, Created: time.Unix(0, h.created), Attached: v.attached}
	if len(h.keys) > 0 {
		out.Key, out.Context, out.DataKey = h.keys[0].key, maps.Clone(h.keys[0].context), h.keys[0].dek
	}
	if p := s.parentSnapshot(h.parent, h.parentGen); p != nil {
		out.Parent = p.id
	}
	if v.device != nil {
		out.Err = firstError(v.device.failure(), s.index.failure())
	}
	return out
}

// parentSnapshot needs s.mu.
func (s *Store) parentSnapshot(volume, generation uint32) *snapshotHeader {
	p := s.volumes[volume]
	if p == nil {
		return nil
	}
	for _, sn := range p.snapshots {
		if sn.generation == generation {
			return sn
		}
	}
	return nil
}
