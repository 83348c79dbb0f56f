package blockstore

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"math/bits"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/aead"
)

var updateVectors = flag.Bool("codec.update", false, "rewrite testdata/vectors.txt")

func testMAC(name string) *aead.MACKey {
	sum := sha256.Sum256([]byte(name))
	return aead.MACKeyFromSecret(aead.NewSecret(sum[:]))
}

var vectorVolume = aead.ID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}

// randomRecord is a record as the engine may make it.
func randomRecord(r *rand.Rand) *extentRecord {
	rec := &extentRecord{present: uint16(r.Uint32()) & uint16(r.Uint32()|r.Uint32())}
	if r.IntN(4) == 0 {
		rec.present = 0xffff
	}
	rec.zero = uint16(r.Uint32()) &^ rec.present
	slot := r.Uint64N(maxSlot - 64)
	session, base := r.Uint32(), r.Uint64()>>uint(1+r.IntN(62))
	for m := rec.present; m != 0; m &= m - 1 {
		i := bits.TrailingZeros16(m)
		if r.IntN(4) == 0 {
			slot = r.Uint64N(maxSlot - 64)
		}
		rec.slots[i], slot = slot, slot+1
		rec.sequences[i] = base + r.Uint64N(1<<uint(r.IntN(40)))
		rec.sessions[i] = session
		if r.IntN(5) == 0 {
			rec.sessions[i] = uint32(r.IntN(4))
		}
		for k := range rec.tags[i] {
			rec.tags[i][k] = byte(r.Uint32())
		}
	}
	return rec
}

func TestExtentRecordRoundTrip(t *testing.T) {
	r, key := rand.New(rand.NewPCG(1, 1)), testMAC("extent")
	for range 5000 {
		rec := randomRecord(r)
		v := encodeExtent(nil, rec, key, vectorVolume, 7, 3)
		require.LessOrEqual(t, len(v), maxExtentSize)
		var got extentRecord
		n, err := decodeExtent(v, &got)
		require.NoError(t, err)
		require.Equal(t, *rec, got)
		require.Equal(t, extentMAC(key, vectorVolume, 7, 3, v[:n]), got.mac)
	}
}

// Every bit of a record is covered by its MAC, except the MAC itself and the slots
// (which the blocks' tags cover): a flip is refused or changes only a slot.
func TestExtentRecordEveryBitFlip(t *testing.T) {
	r, key := rand.New(rand.NewPCG(2, 1)), testMAC("extent")
	for range 40 {
		rec := randomRecord(r)
		v := encodeExtent(nil, rec, key, vectorVolume, 7, 3)
		for bit := range len(v) * 8 {
			flipped := bytes.Clone(v)
			flipped[bit/8] ^= 1 << (bit % 8)
			var got extentRecord
			n, err := decodeExtent(flipped, &got)
			if err != nil || extentMAC(key, vectorVolume, 7, 3, flipped[:n]) != got.mac {
				continue
			}
			require.NotEqual(t, rec.slots, got.slots, "bit %d of %x", bit, v)
			got.slots = rec.slots
			require.Equal(t, *rec, got)
		}
		for _, place := range []struct {
			volume     aead.ID
			extent     uint64
			generation uint32
		}{{aead.ID{9}, 7, 3}, {vectorVolume, 8, 3}, {vectorVolume, 7, 4}} {
			var got extentRecord
			n, err := decodeExtent(v, &got)
			require.NoError(t, err)
			require.NotEqual(t, extentMAC(key, place.volume, place.extent, place.generation, v[:n]), got.mac)
		}
	}
}

// FuzzExtentRecord: what decodes encodes to the same bytes, so a record has one form.
func FuzzExtentRecord(f *testing.F) {
	r, key := rand.New(rand.NewPCG(3, 1)), testMAC("extent")
	for range 30 {
		f.Add(encodeExtent(nil, randomRecord(r), key, vectorVolume, 7, 3))
	}
	f.Fuzz(func(t *testing.T, v []byte) {
		var rec extentRecord
		n, err := decodeExtent(v, &rec)
		if err != nil {
			return
		}
		mac := rec.mac
		again := encodeExtent(nil, &rec, key, vectorVolume, 7, 3)
		copy(again[n:], mac[:])
		require.Equal(t, v, again)
	})
}

// The forms that hold the same content in other bytes are refused.
func TestExtentRecordCanonical(t *testing.T) {
	key := testMAC("extent")
	good := func() *extentRecord {
		rec := &extentRecord{present: 3}
		rec.slots, rec.sequences, rec.sessions = [16]uint64{5, 6}, [16]uint64{100, 101}, [16]uint32{8, 8}
		return rec
	}
	v := encodeExtent(nil, good(), key, vectorVolume, 0, 1)
	require.Equal(t, extentFixedSize+2+32+16+6, len(v))
	edit := func(change func(b []byte) []byte) []byte { return change(bytes.Clone(v)) }
	cases := map[string][]byte{
		"base below the smallest sequence": edit(func(b []byte) []byte { b[16]--; b[17]++; b[18]++; return b }),
		"base of zero": edit(func(b []byte) []byte {
			b[16], b[17], b[18] = 0, 100, 101
			return b
		}),
		"long varint": edit(func(b []byte) []byte { return append(append(bytes.Clone(b[:17]), 0x80, 0), b[18:]...) }),
		"split run": edit(func(b []byte) []byte {
			return append(b[:len(b)-6], 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 6)
		}),
		"overrides equal to the main session": edit(func(b []byte) []byte {
			b[0] |= extentFlagOverrides
			return append(append(bytes.Clone(b[:19]), 0, 1, 0, 0, 0, 8), b[19:]...)
		}),
		"unknown flag": edit(func(b []byte) []byte { b[0] |= 2; return b }),
		"trailing":     append(bytes.Clone(v), 0),
	}
	empty := encodeExtent(nil, &extentRecord{zero: 1}, key, vectorVolume, 0, 1)
	withSession, withBase := bytes.Clone(empty), bytes.Clone(empty)
	withSession[8], withBase[16] = 1, 1
	cases["session of no block"], cases["base of no block"] = withSession, withBase
	for name, b := range cases {
		_, err := decodeExtent(b, new(extentRecord))
		require.Error(t, err, name)
	}
}

func vectorVolumeHeader() *volumeHeader {
	return &volumeHeader{id: "vol-1", rid: vectorVolume, state: volumeLive, flags: flagFlattened, size: 3 * GiB, generation: 4,
		parent: 2, parentGen: 9, overlap: GiB, created: 1_700_000_000_000_000_000, walkCursor: 77, walkDone: 3, sealedView: fill(96, 3), number: 5,
		keys: []keySlot{{dek: 1, wrapped: fill(100, 1), key: "arn:aws:kms:one", context: map[string]string{"a": "b", "c": ""}}, {dek: 2, wrapped: fill(3, 2)}}}
}

func vectorSnapshotHeader() *snapshotHeader {
	return &snapshotHeader{id: "snap-1", state: snapshotDeleting, flags: flagPlain, size: GiB, sequence: 1 << 40, created: 1_700_000_000_000_000_001,
		parent: 3, parentGen: 1, overlap: GiB, older: 1, newer: 6, sealedView: fill(96, 4), volume: 5, generation: 2,
		keys: []keySlot{{dek: 7, wrapped: fill(80, 5)}}}
}

func encodedVolumeHeader(t testing.TB, h *volumeHeader) []byte {
	var err error
	h.authentic, err = h.encodeAuthenticated()
	require.NoError(t, err)
	h.mac = headerMAC(testMAC("header"), prefixVolume, h.rid, h.number, 0, h.authentic)
	return h.encode()
}

func encodedSnapshotHeader(t testing.TB, h *snapshotHeader) []byte {
	var err error
	h.authentic, err = h.encodeAuthenticated()
	require.NoError(t, err)
	h.mac = headerMAC(testMAC("header"), prefixSnapshot, vectorVolume, h.volume, h.generation, h.authentic)
	return h.encode()
}

func encodedSuper(t testing.TB) []byte {
	b, err := (&superblock{store: vectorVolume, writeCount: 12, zoneSlots: 64, storeKey: fill(90, 6)}).encode(testMAC("super"))
	require.NoError(t, err)
	return b
}

func vectorSession() *sessionRecord {
	return &sessionRecord{dek: 1, volume: 2, rid: vectorVolume, salt: [aead.SaltSize]byte(fill(aead.SaltSize, 7)), first: 99, openedAt: -1}
}

// The bytes of every kind of record are fixed: testdata/vectors.txt has one of each.
func TestFormatVectors(t *testing.T) {
	rec := randomRecord(rand.New(rand.NewPCG(4, 1)))
	vectors := []struct {
		name  string
		bytes []byte
	}{
		{"extent", encodeExtent(nil, rec, testMAC("extent"), vectorVolume, 7, 3)},
		{"volume", encodedVolumeHeader(t, vectorVolumeHeader())},
		{"snapshot", encodedSnapshotHeader(t, vectorSnapshotHeader())},
		{"superblock", bytes.TrimRight(encodedSuper(t)[:superSize-aead.TagSize], "\x00")},
		{"superblock-mac", encodedSuper(t)[superSize-aead.TagSize:]},
		{"data-key", (&dekRecord{suite: aead.SuiteAES256GCM, commitment: [32]byte(fill(32, 8))}).encode()},
		{"session", vectorSession().encode()},
		{"extent-key", appendExtentKey(nil, 5, 1<<33, 2)},
		{"birth-key", birthKey(5, 2, 1<<33)},
		{"dead-key", deadKey(5, 2, 1<<33, 15)},
		{"dead-value", appendDeadValue(nil, 1<<39, 1<<50)},
	}
	var out strings.Builder
	for _, v := range vectors {
		out.WriteString(v.name + " " + hex.EncodeToString(v.bytes) + "\n")
	}
	path := filepath.Join("testdata", "vectors.txt")
	if *updateVectors {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(out.String()), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), out.String())
}

// Every bit flip of a header, superblock or key record is refused by its decoder or
// its MAC; the fields outside the MAC are the ones doc.go names.
func TestHeadersEveryBitFlip(t *testing.T) {
	volume := encodedVolumeHeader(t, vectorVolumeHeader())
	eachFlip(volume, func(bit int, b []byte) {
		h, err := decodeVolumeHeader(5, b)
		if err == nil && headerMAC(testMAC("header"), prefixVolume, h.rid, 5, 0, h.authentic) == h.mac {
			require.Zero(t, bit/8, "only the state stands outside the MAC")
		}
	})
	snapshot := encodedSnapshotHeader(t, vectorSnapshotHeader())
	eachFlip(snapshot, func(bit int, b []byte) {
		h, err := decodeSnapshotHeader(5, 2, b)
		if err == nil && headerMAC(testMAC("header"), prefixSnapshot, vectorVolume, 5, 2, h.authentic) == h.mac {
			require.Less(t, bit/8, 9, "only the state and the neighbours stand outside the MAC")
		}
	})
	super := encodedSuper(t)
	eachFlip(super, func(bit int, b []byte) {
		s, err := decodeSuper(b)
		require.False(t, err == nil && testMAC("super").VerifyTag(s.body, s.mac[:]), "bit %d", bit)
	})
}

func eachFlip(v []byte, fn func(bit int, b []byte)) {
	b := bytes.Clone(v)
	for bit := range len(v) * 8 {
		b[bit/8] ^= 1 << (bit % 8)
		fn(bit, b)
		b[bit/8] ^= 1 << (bit % 8)
	}
}

func FuzzVolumeHeader(f *testing.F) {
	f.Add(encodedVolumeHeader(f, vectorVolumeHeader()))
	f.Fuzz(func(t *testing.T, v []byte) {
		h, err := decodeVolumeHeader(5, bytes.Clone(v))
		if err != nil {
			return
		}
		h.authentic, err = h.encodeAuthenticated()
		require.NoError(t, err)
		require.Equal(t, v, h.encode())
	})
}

func FuzzSnapshotHeader(f *testing.F) {
	f.Add(encodedSnapshotHeader(f, vectorSnapshotHeader()))
	f.Fuzz(func(t *testing.T, v []byte) {
		h, err := decodeSnapshotHeader(5, 2, bytes.Clone(v))
		if err != nil {
			return
		}
		h.authentic, err = h.encodeAuthenticated()
		require.NoError(t, err)
		require.Equal(t, v, h.encode())
	})
}

func FuzzSuperblock(f *testing.F) {
	f.Add(encodedSuper(f))
	f.Fuzz(func(t *testing.T, v []byte) {
		s, err := decodeSuper(bytes.Clone(v))
		if err != nil {
			return
		}
		again, err := s.encode(testMAC("super"))
		require.NoError(t, err)
		require.Equal(t, v[:superSize-aead.TagSize], again[:superSize-aead.TagSize])
	})
}

func FuzzSessionRecord(f *testing.F) {
	f.Add(vectorSession().encode())
	f.Add((&dekRecord{suite: aead.SuiteAES256GCM}).encode())
	f.Fuzz(func(t *testing.T, v []byte) {
		if s, err := decodeSession(v); err == nil {
			require.Equal(t, v, s.encode())
		}
		if d, err := decodeDEK(v); err == nil {
			require.Equal(t, v, d.encode())
		}
	})
}
