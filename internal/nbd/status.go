package nbd

import "encoding/binary"

// executeStatus answers BLOCK_STATUS with the runs of the range, or the first of them.
func (t *transmission) executeStatus(k task) bool {
	most := maxStatusExtents
	if k.flags&cmdFlagReqOne != 0 {
		most = 1
	}
	found, err := startScan(t.ctx, t.server.scans, t.opened.Export, int64(k.offset), k.length, most, false)
	defer found.release()
	t.count(k, err)
	if f := failureOf(err, false); f.failed() {
		return t.fail(k, f)
	}
	if len(found.extents) == 0 {
		found.put(extent{k.length, 0}) // nothing known, which is always a legal answer
	}
	reply := t.server.pools.get(4 + len(found.extents)*descriptorSize)
	b := binary.BigEndian.AppendUint32(reply.data[:0], contextAllocationID)
	for _, e := range found.extents {
		b = binary.BigEndian.AppendUint32(b, e.length)
		b = binary.BigEndian.AppendUint32(b, e.state)
	}
	var header [chunkHeaderSize]byte
	return t.out.putData(appendChunk(header[:0], k.cookie, chunkDone, chunkBlockStatus, len(b)), reply, k.credit)
}
