package nbd

import "time"

// execute runs a request that passed its checks and queues its reply. data is the
// payload of a write. It says whether enough replies have gathered for a write.
func (t *transmission) execute(k task, data []byte) bool {
	if t.ctx.Err() != nil {
		return t.out.drop(k.credit) // nobody waits for the answer
	}
	switch {
	case k.cmd == cmdRead:
		return t.executeRead(k)
	case k.cmd == cmdBlockStatus:
		return t.executeStatus(k)
	}
	err := t.change(k, data)
	if err == nil && k.flags&cmdFlagFUA != 0 && k.cmd != cmdFlush {
		err = t.opened.Flush(t.ctx)
	}
	t.count(k, err)
	if f := failureOf(err, k.flags&cmdFlagFastZero != 0); f.failed() {
		return t.fail(k, f)
	}
	var reply [simpleReplySize]byte
	return t.out.put(appendSimple(reply[:0], k.cookie, eOK), k.credit)
}

// change runs the commands whose reply carries no data.
func (t *transmission) change(k task, data []byte) error {
	off, n := int64(k.offset), int64(k.length)
	if k.cmd == cmdFlush {
		return t.opened.Flush(t.ctx)
	}
	if n == 0 {
		return nil
	}
	switch k.cmd {
	case cmdWrite:
		return t.opened.WriteAt(t.ctx, data, off)
	case cmdTrim:
		return t.opened.Trim(t.ctx, off, n)
	case cmdWriteZeroes:
		return t.opened.WriteZeroes(t.ctx, off, n, ZeroOptions{
			NoHole: k.flags&cmdFlagNoHole != 0, FastZero: k.flags&cmdFlagFastZero != 0,
		})
	}
	return t.prefetch(off, n)
}

// prefetch serves CACHE, which is a hint: what is longer than maxPrefetch is cut.
func (t *transmission) prefetch(off, n int64) error {
	n = min(n, maxPrefetch)
	if p, ok := t.opened.Export.(Prefetcher); ok {
		return p.Prefetch(t.ctx, off, n)
	}
	scratch := t.server.pools.get(int(min(n, prefetchStep)))
	defer scratch.release()
	for n > 0 {
		piece := scratch.data[:min(n, int64(len(scratch.data)))]
		if err := t.opened.ReadAt(t.ctx, piece, off); err != nil {
			return err
		}
		off, n = off+int64(len(piece)), n-int64(len(piece))
	}
	return nil
}

// fail queues an error reply: with its text where replies are structured.
func (t *transmission) fail(k task, f failure) bool {
	if !t.session.structured {
		var reply [simpleReplySize]byte
		return t.out.put(appendSimple(reply[:0], k.cookie, f.errno), k.credit)
	}
	var reply [errorReplySize]byte
	return t.out.put(appendError(reply[:0], k.cookie, f), k.credit)
}

// count enters an executed request in the metrics. The log names the first failures of a
// connection, with the cause that the client is not told.
func (t *transmission) count(k task, err error) {
	t.server.counters.executed(Op(k.cmd), int64(k.length), time.Since(k.start), err == nil)
	if failureOf(err, true).errno == eIO && t.failures.Add(1) <= maxLoggedFailures {
		t.server.log.Warn("nbd request failed", "export", t.opened.Info.Name, "op", Op(k.cmd).String(),
			"offset", k.offset, "length", k.length, "error", err)
	}
}
