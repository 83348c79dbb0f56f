package nbd

// executeRead answers READ.
func (t *transmission) executeRead(k task) bool {
	switch {
	case k.length == 0:
		t.count(k, nil)
		return t.emptyRead(k)
	case t.session.structured && k.flags&cmdFlagDF == 0 && k.length >= holeScanSize:
		return t.sparseRead(k)
	}
	data := t.server.pools.get(int(k.length))
	err := t.opened.ReadAt(t.ctx, data.data, int64(k.offset))
	t.count(k, err)
	return t.answerRead(k, data, err)
}

// answerRead queues the reply of a read in one chunk and takes the buffer.
func (t *transmission) answerRead(k task, data *buffer, err error) bool {
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

// sparseRead answers with data and hole chunks, in order; the last carries DONE.
func (t *transmission) sparseRead(k task) bool {
	found, err := startScan(t.ctx, t.server.scans, t.opened.Export, int64(k.offset), k.length, maxReadChunks-1, true)
	defer found.release()
	if err != nil {
		t.count(k, err)
		return t.fail(k, failureOf(err, false))
	}
	if rest := found.rest(); rest > 0 {
		found.put(extent{rest, 0}) // not looked at: read it
	}
	offset, full := k.offset, false
	for i, e := range found.extents {
		last := i == len(found.extents)-1
		if full, err = t.readChunk(k, offset, e, last); err != nil {
			t.count(k, err)
			var reply [errorReplySize]byte
			return t.out.put(appendErrorAt(reply[:0], k.cookie, failureOf(err, false), offset), k.credit)
		}
		offset += uint64(e.length)
	}
	t.count(k, nil)
	return full
}

// readChunk queues one chunk of a read. The header of data is queued after all of the
// data has been read, and so verified.
func (t *transmission) readChunk(k task, offset uint64, e extent, last bool) (full bool, err error) {
	var header [offsetHeaderSize + 4]byte
	var flags uint16
	var held credit
	if last {
		flags, held = chunkDone, k.credit
	}
	if e.state&stateZero != 0 {
		return t.out.put(appendHole(header[:0], k.cookie, flags, offset, e.length), held), nil
	}
	data := t.server.pools.get(int(e.length))
	if err := t.opened.ReadAt(t.ctx, data.data, int64(offset)); err != nil {
		data.release()
		return false, err
	}
	return t.out.putData(appendDataHeader(header[:0], k.cookie, flags, offset, len(data.data)), data, held), nil
}
