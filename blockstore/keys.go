package blockstore

import "encoding/binary"

// The one-byte prefixes of the index. See doc.go for the values.
const (
	prefixMeta     = 'M'
	prefixDEK      = 'K'
	prefixSession  = 'S'
	prefixVolume   = 'V'
	prefixSnapshot = 'P'
	prefixExtent   = 'E'
	prefixBirth    = 'B'
	prefixDead     = 'D'
)

const (
	extentKeySize  = 1 + 4 + 6 + 4
	extentKeySplit = 1 + 4 + 6 // the bloom filter covers volume and extent
	birthKeySize   = 1 + 4 + 4 + 6
	deadKeySize    = 1 + 4 + 4 + 6 + 1
	deadValueSize  = 5 + 8
)

func appendUint48(b []byte, v uint64) []byte {
	return append(b, byte(v>>40), byte(v>>32), byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
}

func uint48(b []byte) uint64 {
	return uint64(binary.BigEndian.Uint16(b))<<32 | uint64(binary.BigEndian.Uint32(b[2:]))
}

func numberKey(prefix byte, n uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{prefix}, n)
}

func metaKey(name string) []byte { return append([]byte{prefixMeta}, name...) }

func snapshotKey(volume, generation uint32) []byte {
	return binary.BigEndian.AppendUint32(numberKey(prefixSnapshot, volume), generation)
}

// appendExtentKey stores the complement of the generation so that the newest record of an extent sorts first.
func appendExtentKey(b []byte, volume uint32, extent uint64, generation uint32) []byte {
	b = append(b, prefixExtent)
	b = binary.BigEndian.AppendUint32(b, volume)
	b = appendUint48(b, extent)
	return binary.BigEndian.AppendUint32(b, ^generation)
}

func parseExtentKey(k []byte) (volume uint32, extent uint64, generation uint32) {
	return binary.BigEndian.Uint32(k[1:]), uint48(k[5:]), ^binary.BigEndian.Uint32(k[11:])
}

func birthKey(volume, generation uint32, extent uint64) []byte {
	b := binary.BigEndian.AppendUint32(numberKey(prefixBirth, volume), generation)
	return appendUint48(b, extent)
}

func parseBirthKey(k []byte) (volume, generation uint32, extent uint64) {
	return binary.BigEndian.Uint32(k[1:]), binary.BigEndian.Uint32(k[5:]), uint48(k[9:])
}

func deadKey(volume, generation uint32, extent uint64, block int) []byte {
	b := binary.BigEndian.AppendUint32(numberKey(prefixDead, volume), generation)
	return append(appendUint48(b, extent), byte(block))
}

func parseDeadKey(k []byte) (volume, generation uint32, extent uint64, block int) {
	return binary.BigEndian.Uint32(k[1:]), binary.BigEndian.Uint32(k[5:]), uint48(k[9:]), int(k[15])
}

func appendDeadValue(b []byte, slot, birth uint64) []byte {
	b = append(b, byte(slot>>32))
	b = binary.BigEndian.AppendUint32(b, uint32(slot))
	return binary.BigEndian.AppendUint64(b, birth)
}

func parseDeadValue(v []byte) (slot, birth uint64, ok bool) {
	if len(v) != deadValueSize {
		return 0, 0, false
	}
	slot = uint64(v[0])<<32 | uint64(binary.BigEndian.Uint32(v[1:]))
	return slot, binary.BigEndian.Uint64(v[5:]), true
}

// rangeEnd returns the first key after every key that starts with prefix.
func rangeEnd(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		end[i]++
		if end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}
