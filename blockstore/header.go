package blockstore

import (
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"slices"

	"coffer.example/aead"
	"coffer.example/internal/binfmt"
)

// headerVersion is the version of V, P, K and S records.
const headerVersion = 1

// volumeState is where a volume is in its life.
type volumeState uint8

const (
	volumeLive     volumeState = 1
	volumeDeleting volumeState = 2 // its view is being freed; resumed at open
	volumeGone     volumeState = 3 // only snapshots keep it
)

// volumeFlags of a V record.
const (
	flagPlain     = 1 << 0 // the DEK is wrapped by the store key
	flagFlattened = 1 << 1 // the records hold what the parent showed; the pin remains
	flagCopy      = 1 << 2 // becomes the snapshot of its id once it is walked; not a user's volume
	flagsKnown    = flagPlain | flagFlattened | flagCopy
)

// keySlot is one wrapped data key that a volume or snapshot needs.
type keySlot struct {
	dek     uint32 // number of the K record
	wrapped []byte
	key     string // ARN of the KMS key, empty if plain
	context map[string]string
}

// view is the sealed state of a view: how often it was committed, the set hash of its
// newest records, and the set hash of the birth list of its generation.
type view struct {
	counter uint64
	records aead.SetHash
	births  aead.SetHash
}

const viewSize = 8 + 32 + 32

// volumeHeader is a V record.
type volumeHeader struct {
	id          string
	rid         aead.ID
	state       volumeState
	flags       uint8
	size        int64 // bytes
	generation  uint32
	parent      uint32 // volume number, 0 none
	parentGen   uint32
	overlap     int64 // bytes of the parent that show through
	created     int64 // unix nanoseconds
	walkCursor  uint64
	walkDone    uint32 // generation in which the walk ended, 0 not yet
	keys        []keySlot
	sealedView  []byte
	mac         [aead.TagSize]byte
	number      uint32 // of the key; not in the value
	authentic   []byte // the bytes under the MAC, as decoded
	currentView view   // plain form of sealedView once a data key has opened it
}

// snapshotState is where a snapshot is in its life.
type snapshotState uint8

const (
	snapshotLive     snapshotState = 1
	snapshotHidden   snapshotState = 2 // deleted by its user, pinned by clones
	snapshotDeleting snapshotState = 3 // being freed between fixed neighbours; resumed at open
)

// snapshotHeader is a P record.
type snapshotHeader struct {
	id         string
	state      snapshotState
	flags      uint8 // of the volume
	size       int64
	sequence   uint64
	created    int64 // unix nanoseconds
	parent     uint32
	parentGen  uint32
	overlap    int64
	older      uint32 // neighbours of a deletion, fixed when it starts
	newer      uint32
	keys       []keySlot
	sealedView []byte
	mac        [aead.TagSize]byte
	volume     uint32 // of the key
	generation uint32
	authentic  []byte
}

// dekRecord is a K record.
type dekRecord struct {
	suite      aead.Suite
	commitment [32]byte
}

// sessionRecord is an S record.
type sessionRecord struct {
	dek      uint32
	volume   uint32 // number
	rid      aead.ID
	salt     [aead.SaltSize]byte
	first    uint64 // sequence at opening
	openedAt int64
}

func (h *volumeHeader) encodeAuthenticated() ([]byte, error) {
	w := binfmt.NewWriter(maxHeaderSize)
	w.U8(headerVersion)
	w.U8(h.flags)
	w.String16(h.id)
	w.Raw(h.rid[:])
	w.U64(uint64(h.size))
	w.U32(h.generation)
	w.U32(h.parent)
	w.U32(h.parentGen)
	w.U64(uint64(h.overlap))
	w.U64(uint64(h.created))
	w.U64(h.walkCursor)
	w.U32(h.walkDone)
	writeKeySlots(w, h.keys)
	w.Bytes16(h.sealedView)
	return w.Finish()
}

// encode returns the record: state (outside the MAC, since a deletion needs no key),
// the authenticated fields, MAC.
func (h *volumeHeader) encode() []byte {
	return append(append([]byte{byte(h.state)}, h.authentic...), h.mac[:]...)
}

func decodeVolumeHeader(number uint32, v []byte) (*volumeHeader, error) {
	if len(v) < 1+aead.TagSize {
		return nil, binfmt.ErrShort
	}
	h := &volumeHeader{number: number, state: volumeState(v[0]), authentic: v[1 : len(v)-aead.TagSize]}
	copy(h.mac[:], v[len(v)-aead.TagSize:])
	r := binfmt.NewReader(h.authentic)
	if r.U8() != headerVersion {
		return nil, fmt.Errorf("%w: volume header version", ErrFormat)
	}
	h.flags = r.U8()
	h.id = r.String16(MaxIDSize)
	copy(h.rid[:], r.Raw(len(h.rid)))
	h.size = int64(r.U64())
	h.generation, h.parent, h.parentGen = r.U32(), r.U32(), r.U32()
	h.overlap, h.created = int64(r.U64()), int64(r.U64())
	h.walkCursor, h.walkDone = r.U64(), r.U32()
	h.keys = readKeySlots(r)
	h.sealedView = r.Bytes16(1024)
	if err := r.Finish(); err != nil {
		return nil, err
	}
	if h.flags&^flagsKnown != 0 || h.state < volumeLive || h.state > volumeGone || h.size <= 0 || h.generation == 0 {
		return nil, binfmt.ErrValue
	}
	return h, nil
}

func (h *snapshotHeader) encodeAuthenticated() ([]byte, error) {
	w := binfmt.NewWriter(maxHeaderSize)
	w.U8(headerVersion)
	w.U8(h.flags)
	w.String16(h.id)
	w.U64(uint64(h.size))
	w.U64(h.sequence)
	w.U64(uint64(h.created))
	w.U32(h.parent)
	w.U32(h.parentGen)
	w.U64(uint64(h.overlap))
	writeKeySlots(w, h.keys)
	w.Bytes16(h.sealedView)
	return w.Finish()
}

// encode returns the record: state and the neighbours of a deletion (outside the MAC,
// since a deletion needs no key), the authenticated fields, MAC.
func (h *snapshotHeader) encode() []byte {
	b := binary.BigEndian.AppendUint32([]byte{byte(h.state)}, h.older)
	b = binary.BigEndian.AppendUint32(b, h.newer)
	return append(append(b, h.authentic...), h.mac[:]...)
}

func decodeSnapshotHeader(volume, generation uint32, v []byte) (*snapshotHeader, error) {
	if len(v) < 9+aead.TagSize {
		return nil, binfmt.ErrShort
	}
	h := &snapshotHeader{volume: volume, generation: generation, state: snapshotState(v[0]),
		older: binary.BigEndian.Uint32(v[1:]), newer: binary.BigEndian.Uint32(v[5:]), authentic: v[9 : len(v)-aead.TagSize]}
	copy(h.mac[:], v[len(v)-aead.TagSize:])
	r := binfmt.NewReader(h.authentic)
	if r.U8() != headerVersion {
		return nil, fmt.Errorf("%w: snapshot header version", ErrFormat)
	}
	h.flags = r.U8()
	h.id = r.String16(MaxIDSize)
	h.size = int64(r.U64())
	h.sequence = r.U64()
	h.created = int64(r.U64())
	h.parent, h.parentGen = r.U32(), r.U32()
	h.overlap = int64(r.U64())
	h.keys = readKeySlots(r)
	h.sealedView = r.Bytes16(1024)
	if err := r.Finish(); err != nil {
		return nil, err
	}
	if h.flags&^flagsKnown != 0 || h.state < snapshotLive || h.state > snapshotDeleting || h.size <= 0 {
		return nil, binfmt.ErrValue
	}
	return h, nil
}

func writeKeySlots(w *binfmt.Writer, keys []keySlot) {
	w.U8(uint8(len(keys)))
	for _, k := range keys {
		w.U32(k.dek)
		w.Bytes16(k.wrapped)
		w.String16(k.key)
		w.U8(uint8(len(k.context)))
		for _, name := range slices.Sorted(maps.Keys(k.context)) {
			w.String16(name)
			w.String16(k.context[name])
		}
	}
}

func readKeySlots(r *binfmt.Reader) []keySlot {
	n := int(r.U8())
	if n > MaxDataKeys {
		r.Fail(binfmt.ErrLimit)
		return nil
	}
	keys := make([]keySlot, 0, n)
	for range n {
		k := keySlot{dek: r.U32(), wrapped: slices.Clone(r.Bytes16(aead.MaxWrappedSize)), key: r.String16(2048)}
		pairs := int(r.U8())
		last := ""
		for i := range pairs {
			name := r.String16(MaxContextSize)
			if pairs > MaxContextPairs || i > 0 && name <= last {
				r.Fail(binfmt.ErrValue)
				return nil
			}
			if k.context == nil {
				k.context = make(map[string]string, pairs)
			}
			k.context[name], last = r.String16(MaxContextSize), name
		}
		keys = append(keys, k)
	}
	return keys
}

// headerMAC covers a V or P record's authenticated fields at their place.
func headerMAC(key *aead.MACKey, prefix byte, rid aead.ID, number, generation uint32, authentic []byte) [aead.TagSize]byte {
	msg := append([]byte{prefix}, rid[:]...)
	msg = binary.BigEndian.AppendUint32(msg, number)
	msg = binary.BigEndian.AppendUint32(msg, generation)
	return key.Tag(append(msg, authentic...))
}

// seal seals the view, then encodes and authenticates the header.
func (h *volumeHeader) seal(k *volumeKeys, rand io.Reader) error {
	sealed, err := sealView(k, rand, prefixVolume, h.rid, 0, &h.currentView)
	if err != nil {
		return err
	}
	h.sealedView = sealed
	if h.authentic, err = h.encodeAuthenticated(); err != nil {
		return err
	}
	h.mac = headerMAC(k.index, prefixVolume, h.rid, h.number, 0, h.authentic)
	return nil
}

// open authenticates the header and opens its view.
func (h *volumeHeader) open(k *volumeKeys) error {
	if headerMAC(k.index, prefixVolume, h.rid, h.number, 0, h.authentic) != h.mac {
		return corrupt(KindVolumeHeader, h.id, "MAC")
	}
	v, err := openView(k, prefixVolume, h.rid, 0, h.sealedView)
	if err != nil {
		return corrupt(KindVolumeHeader, h.id, "sealed view")
	}
	h.currentView = *v
	return nil
}

func (h *snapshotHeader) seal(k *volumeKeys, rand io.Reader, rid aead.ID, v *view) error {
	sealed, err := sealView(k, rand, prefixSnapshot, rid, h.generation, v)
	if err != nil {
		return err
	}
	h.sealedView = sealed
	if h.authentic, err = h.encodeAuthenticated(); err != nil {
		return err
	}
	h.mac = headerMAC(k.index, prefixSnapshot, rid, h.volume, h.generation, h.authentic)
	return nil
}

func (h *snapshotHeader) open(k *volumeKeys, rid aead.ID) (*view, error) {
	if headerMAC(k.index, prefixSnapshot, rid, h.volume, h.generation, h.authentic) != h.mac {
		return nil, corrupt(KindSnapshotHeader, h.id, "MAC")
	}
	v, err := openView(k, prefixSnapshot, rid, h.generation, h.sealedView)
	if err != nil {
		return nil, corrupt(KindSnapshotHeader, h.id, "sealed view")
	}
	return v, nil
}

func viewAAD(prefix byte, rid aead.ID, generation uint32) []byte {
	return binary.BigEndian.AppendUint32(append([]byte{prefix}, rid[:]...), generation)
}

func sealView(k *volumeKeys, rand io.Reader, prefix byte, rid aead.ID, generation uint32, v *view) ([]byte, error) {
	var b [viewSize]byte
	binary.BigEndian.PutUint64(b[:], v.counter)
	copy(b[8:], v.records[:])
	copy(b[40:], v.births[:])
	return k.header.Seal(rand, nil, b[:], viewAAD(prefix, rid, generation))
}

func openView(k *volumeKeys, prefix byte, rid aead.ID, generation uint32, sealed []byte) (*view, error) {
	b, err := k.header.Open(nil, sealed, viewAAD(prefix, rid, generation))
	if err != nil || len(b) != viewSize {
		return nil, aead.ErrOpen
	}
	v := &view{counter: binary.BigEndian.Uint64(b)}
	copy(v.records[:], b[8:])
	copy(v.births[:], b[40:])
	return v, nil
}

func (d *dekRecord) encode() []byte {
	return append([]byte{headerVersion, byte(d.suite)}, d.commitment[:]...)
}

func decodeDEK(v []byte) (*dekRecord, error) {
	if len(v) != 34 || v[0] != headerVersion {
		return nil, ErrFormat
	}
	d := &dekRecord{suite: aead.Suite(v[1])}
	if d.suite != aead.SuiteAES256GCM && d.suite != aead.SuiteChaCha20Poly1305 {
		return nil, ErrFormat
	}
	copy(d.commitment[:], v[2:])
	return d, nil
}

func (s *sessionRecord) encode() []byte {
	b := binary.BigEndian.AppendUint32([]byte{headerVersion}, s.dek)
	b = binary.BigEndian.AppendUint32(b, s.volume)
	b = append(append(b, s.rid[:]...), s.salt[:]...)
	b = binary.BigEndian.AppendUint64(b, s.first)
	return binary.BigEndian.AppendUint64(b, uint64(s.openedAt))
}

func decodeSession(v []byte) (*sessionRecord, error) {
	if len(v) != 1+4+4+16+aead.SaltSize+8+8 || v[0] != headerVersion {
		return nil, ErrFormat
	}
	s := &sessionRecord{dek: binary.BigEndian.Uint32(v[1:]), volume: binary.BigEndian.Uint32(v[5:])}
	copy(s.rid[:], v[9:])
	copy(s.salt[:], v[25:])
	s.first, s.openedAt = binary.BigEndian.Uint64(v[57:]), int64(binary.BigEndian.Uint64(v[65:]))
	return s, nil
}
