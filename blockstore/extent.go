package blockstore

import (
	"encoding/binary"
	"errors"
	"math/bits"

	"coffer.example/aead"
)

// extentRecord is a decoded extent record: where the blocks of an extent are and
// what authenticates them. A record in a cache is immutable.
type extentRecord struct {
	present    uint16 // block i has a slot
	zero       uint16 // block i is a hole, and masks the parent
	generation uint32 // of the key it was read from; not in the value
	sessions   [ExtentBlocks]uint32
	slots      [ExtentBlocks]uint64
	sequences  [ExtentBlocks]uint64
	tags       [ExtentBlocks][aead.TagSize]byte
	mac        [aead.TagSize]byte
}

// extentFlagOverrides says that some blocks were sealed by another session than most.
const extentFlagOverrides = 1 << 0

const (
	extentFixedSize = 1 + 2 + 2 + 4 + 8
	maxExtentSize   = extentFixedSize + ExtentBlocks*10 + 2 + ExtentBlocks*4 + ExtentBlocks*aead.TagSize + aead.TagSize + ExtentBlocks*6
)

var (
	errExtentFormat = errors.New("malformed extent record")
	errExtentFlags  = errors.New("unknown flag in extent record")
)

// covered returns the blocks that the record decides (slot or hole).
func (r *extentRecord) covered() uint16 { return r.present | r.zero }

// has says whether block i has a slot.
func (r *extentRecord) has(i int) bool { return r.present>>i&1 == 1 }

// set puts a sealed block into the record.
func (r *extentRecord) set(i int, b *sealedBlock) {
	r.present |= 1 << i
	r.zero &^= 1 << i
	r.sessions[i], r.slots[i], r.sequences[i], r.tags[i] = b.session, b.slot, b.sequence, b.tag
}

// clearBlock makes block i a recorded hole (masking a parent) or nothing at all.
func (r *extentRecord) clearBlock(i int, hole bool) {
	r.present &^= 1 << i
	r.zero &^= 1 << i
	if hole {
		r.zero |= 1 << i
	}
	r.sessions[i], r.slots[i], r.sequences[i], r.tags[i] = 0, 0, 0, [aead.TagSize]byte{}
}

// mainSession returns the session that sealed most of the blocks (the lowest of equals).
func (r *extentRecord) mainSession() uint32 {
	var best uint32
	count := 0
	for m := r.present; m != 0; m &= m - 1 {
		s := r.sessions[bits.TrailingZeros16(m)]
		n := 0
		for o := r.present; o != 0; o &= o - 1 {
			if r.sessions[bits.TrailingZeros16(o)] == s {
				n++
			}
		}
		if n == bits.OnesCount16(r.present) {
			return s // nearly always, at once
		}
		if n > count || n == count && s < best {
			best, count = s, n
		}
	}
	return best
}

// encodeExtent appends the record to dst: the authenticated part, its MAC under key,
// then the slots. It sets r.mac. volume is the volume whose record this is.
func encodeExtent(dst []byte, r *extentRecord, key *aead.MACKey, volume aead.ID, extent uint64, generation uint32) []byte {
	start := len(dst)
	main := r.mainSession()
	overrides, base := uint16(0), ^uint64(0)
	for m := r.present; m != 0; m &= m - 1 {
		i := bits.TrailingZeros16(m)
		base = min(base, r.sequences[i])
		if r.sessions[i] != main {
			overrides |= 1 << i
		}
	}
	if r.present == 0 {
		base = 0
	}
	flags := byte(0)
	if overrides != 0 {
		flags |= extentFlagOverrides
	}
	dst = append(dst, flags)
	dst = binary.BigEndian.AppendUint16(dst, r.present)
	dst = binary.BigEndian.AppendUint16(dst, r.zero)
	dst = binary.BigEndian.AppendUint32(dst, main)
	dst = binary.BigEndian.AppendUint64(dst, base)
	for m := r.present; m != 0; m &= m - 1 {
		dst = binary.AppendUvarint(dst, r.sequences[bits.TrailingZeros16(m)]-base)
	}
	if overrides != 0 {
		dst = binary.BigEndian.AppendUint16(dst, overrides)
		for m := overrides; m != 0; m &= m - 1 {
			dst = binary.BigEndian.AppendUint32(dst, r.sessions[bits.TrailingZeros16(m)])
		}
	}
	for m := r.present; m != 0; m &= m - 1 {
		dst = append(dst, r.tags[bits.TrailingZeros16(m)][:]...)
	}
	r.mac = extentMAC(key, volume, extent, generation, dst[start:])
	dst = append(dst, r.mac[:]...)
	return appendSlots(dst, r)
}

// appendSlots run-codes the slots: per run of consecutive slots its length minus one (1 B) and first slot (5 B).
func appendSlots(dst []byte, r *extentRecord) []byte {
	for m := r.present; m != 0; {
		first := r.slots[bits.TrailingZeros16(m)]
		n := uint64(0)
		for m != 0 && r.slots[bits.TrailingZeros16(m)] == first+n {
			n++
			m &= m - 1
		}
		dst = append(dst, byte(n-1), byte(first>>32))
		dst = binary.BigEndian.AppendUint32(dst, uint32(first))
	}
	return dst
}

// extentMAC authenticates a record at its logical place; slots are left out so that
// maintenance can move ciphertext without a key (a wrong slot fails the block's tag).
func extentMAC(key *aead.MACKey, volume aead.ID, extent uint64, generation uint32, authenticated []byte) [aead.TagSize]byte {
	var buf [1 + 16 + 8 + 4 + maxExtentSize]byte
	msg := appendPlace(buf[:0], prefixExtent, volume, extent, generation)
	return key.Tag(append(msg, authenticated...))
}

// appendPlace writes where a record belongs, whatever the small numbers of its key.
func appendPlace(b []byte, prefix byte, volume aead.ID, extent uint64, generation uint32) []byte {
	b = append(append(b, prefix), volume[:]...)
	b = binary.BigEndian.AppendUint64(b, extent)
	return binary.BigEndian.AppendUint32(b, generation)
}

// decodeExtent decodes a record without authenticating it and returns the length of
// its authenticated part. Unknown flags and every non-canonical form are refused.
func decodeExtent(v []byte, r *extentRecord) (authenticated int, err error) {
	if len(v) < extentFixedSize+aead.TagSize || len(v) > maxExtentSize {
		return 0, errExtentFormat
	}
	flags := v[0]
	if flags&^extentFlagOverrides != 0 {
		return 0, errExtentFlags
	}
	r.present, r.zero = binary.BigEndian.Uint16(v[1:]), binary.BigEndian.Uint16(v[3:])
	if r.present&r.zero != 0 {
		return 0, errExtentFormat
	}
	main, base := binary.BigEndian.Uint32(v[5:]), binary.BigEndian.Uint64(v[9:])
	p := v[extentFixedSize:]
	if p, err = decodeSequences(p, r, main, base); err != nil {
		return 0, err
	}
	if flags&extentFlagOverrides != 0 {
		if p, err = decodeOverrides(p, r, main); err != nil {
			return 0, err
		}
	}
	n := bits.OnesCount16(r.present)
	if len(p) < (n+1)*aead.TagSize {
		return 0, errExtentFormat
	}
	for m := r.present; m != 0; m &= m - 1 {
		copy(r.tags[bits.TrailingZeros16(m)][:], p)
		p = p[aead.TagSize:]
	}
	authenticated = len(v) - len(p)
	copy(r.mac[:], p)
	if !decodeSlots(p[aead.TagSize:], r) {
		return 0, errExtentFormat
	}
	if uniform := flags == 0 && r.present != 0; !uniform && r.mainSession() != main {
		return 0, errExtentFormat
	}
	return authenticated, nil
}

// decodeSequences reads the sequences; the base is the smallest of them, 0 if there is none.
func decodeSequences(p []byte, r *extentRecord, main uint32, base uint64) ([]byte, error) {
	least := base
	if r.present != 0 {
		least = ^uint64(0)
	}
	for m := r.present; m != 0; m &= m - 1 {
		d, n := binary.Uvarint(p)
		if n <= 0 || base+d < base || n > 1 && p[n-1] == 0 { // the last: more bytes than needed
			return nil, errExtentFormat
		}
		least = min(least, d)
		i := bits.TrailingZeros16(m)
		r.sequences[i], r.sessions[i] = base+d, main
		p = p[n:]
	}
	if least != 0 {
		return nil, errExtentFormat
	}
	return p, nil
}

func decodeOverrides(p []byte, r *extentRecord, main uint32) ([]byte, error) {
	if len(p) < 2 {
		return nil, errExtentFormat
	}
	overrides := binary.BigEndian.Uint16(p)
	p = p[2:]
	if overrides == 0 || overrides&^r.present != 0 || len(p) < 4*bits.OnesCount16(overrides) {
		return nil, errExtentFormat
	}
	for m := overrides; m != 0; m &= m - 1 {
		s := binary.BigEndian.Uint32(p)
		if s == main {
			return nil, errExtentFormat
		}
		r.sessions[bits.TrailingZeros16(m)] = s
		p = p[4:]
	}
	return p, nil
}

func decodeSlots(p []byte, r *extentRecord) bool {
	next := uint64(noSlot) // behind the last run: a run that goes on there would be part of it
	for m := r.present; m != 0; {
		if len(p) < 6 {
			return false
		}
		n, first := int(p[0])+1, uint64(p[1])<<32|uint64(binary.BigEndian.Uint32(p[2:]))
		p = p[6:]
		if n > bits.OnesCount16(m) || first+uint64(n) > maxSlot || first == next {
			return false
		}
		next = first + uint64(n)
		for k := range uint64(n) {
			r.slots[bits.TrailingZeros16(m)] = first + k
			m &= m - 1
		}
	}
	return len(p) == 0
}
