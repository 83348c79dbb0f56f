package nbd

// executeRead answers READ.
func (t *transmission) executeRead(k task) bool {
	switch {
	case k.length == 0:
		t.count(k, true)
		return t.emptyRead(k)
	case t.session.structured && k.flags&cmdFlagDF == 0 && k.length >= holeScanSize:
		return t.sparseRead(k)
	}
	data := t.server.pools.get(int(k.length))
	err := t.opened.ReadAt(t.ctx, data.data, int64(k.offset))
	t.count(k, err == nil)
	if f := failureOf(err, false); f.failed() {
		data.release()
		return t.fail(k, f)
	}
	var header [offsetHeaderSize]byte
	if t.session.structured {
		return t.out.putData(appendDataHeader(header[:0], k.cookie, chunkDone, k.offset, len(data.data)), data, k.credit)
	}
	return t.out.putData(appendSimple(header[:0], k.cookie, eOK), data, k.credit)
}

func (t *transmission) emptyRead(k task) bool {
	var reply [chunkHeaderSize]byte
	if t.session.structured {
		return t.out.put(appendNone(reply[:0], k.cookie), k.credit)
	}
	return t.out.put(appendSimple(reply[:0], k.cookie, eOK), k.credit)
}

// run is a part of a read: a hole or data.
type run struct {
	length int64
	hole   bool
}

// sparseRead answers with data and hole chunks in order. Each data chunk is read, and
// so verified, before its header is queued; the last chunk carries DONE.
func (t *transmission) sparseRead(k task) bool {
	var space [maxReadChunks]run
	runs, err := t.runs(space[:0], int64(k.offset), int64(k.length))
	if err != nil {
		t.count(k, false)
		return t.fail(k, failureOf(err, false))
	}
	offset, full := k.offset, false
	for i, r := range runs {
		var flags uint16
		var held credit
		if i == len(runs)-1 {
			flags, held = chunkDone, k.credit
		}
		var header [offsetHeaderSize + 4]byte
		if r.hole {
			full = t.out.put(appendHole(header[:0], k.cookie, flags, offset, uint32(r.length)), held)
			offset += uint64(r.length)
			continue
		}
		data := t.server.pools.get(int(r.length))
		if err := t.opened.ReadAt(t.ctx, data.data, int64(offset)); err != nil {
			data.release()
			t.count(k, false)
			var reply [chunkHeaderSize + 4 + 2 + maxErrorText + 8]byte
			return t.out.put(appendErrorAt(reply[:0], k.cookie, failureOf(err, false), offset), k.credit)
		}
		full = t.out.putData(appendDataHeader(header[:0], k.cookie, flags, offset, len(data.data)), data, held)
		offset += uint64(r.length)
	}
	t.count(k, true)
	return full
}

// runs splits a range into at most maxReadChunks runs, of which only holes of
// minHoleChunk or more, and the whole range, are left out of the data.
func (t *transmission) runs(runs []run, off, n int64) ([]run, error) {
	left := n
	err := t.opened.Extents(t.ctx, off, n, func(length int64, hole, zero bool) bool {
		length = min(length, left)
		left -= length
		runs = appendRun(runs, run{length, zero && (length >= minHoleChunk || length == n)})
		return left > 0 && len(runs) < maxReadChunks-1
	})
	if err == nil && left > 0 {
		runs = appendRun(runs, run{left, false})
	}
	return runs, err
}

// appendRun joins equal neighbours.
func appendRun(runs []run, r run) []run {
	if r.length <= 0 {
		return runs
	}
	if last := len(runs) - 1; last >= 0 && runs[last].hole == r.hole {
		runs[last].length += r.length
		return runs
	}
	return append(runs, r)
}
