package nbd

import "encoding/binary"

// extent is a descriptor of a block status reply.
type extent struct {
	length uint32
	state  uint32
}

// executeStatus answers BLOCK_STATUS with the runs of the range, or the first of them.
func (t *transmission) executeStatus(k task) bool {
	most := maxStatusExtents
	if k.flags&cmdFlagReqOne != 0 {
		most = 1
	}
	reply := t.server.pools.get(4 + most*descriptorSize)
	b := binary.BigEndian.AppendUint32(reply.data[:0], contextAllocationID)
	left, last := int64(k.length), extent{}
	err := t.opened.Extents(t.ctx, int64(k.offset), left, func(length int64, hole, zero bool) bool {
		length = min(length, left)
		if length <= 0 {
			return left > 0
		}
		next := extent{uint32(length), stateOf(hole, zero)}
		if last.length > 0 && last.state != next.state {
			b = last.append(b)
			last.length = 0
			if len(b) >= 4+most*descriptorSize {
				return false
			}
		}
		left -= length
		last = extent{last.length + next.length, next.state}
		return left > 0
	})
	if last.length > 0 {
		b = last.append(b)
	} else if len(b) == 4 {
		b = extent{k.length, 0}.append(b) // nothing known, which is always a legal answer
	}
	t.count(k, err == nil)
	if f := failureOf(err, false); f.failed() {
		reply.release()
		return t.fail(k, f)
	}
	reply.data = b
	var header [chunkHeaderSize]byte
	return t.out.putData(appendChunk(header[:0], k.cookie, chunkDone, chunkBlockStatus, len(b)), reply, k.credit)
}

func (e extent) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, e.length)
	return binary.BigEndian.AppendUint32(b, e.state)
}

func stateOf(hole, zero bool) uint32 {
	var state uint32
	if hole {
		state |= stateHole
	}
	if zero {
		state |= stateZero
	}
	return state
}
