package nbd

import (
	"bufio"
	"sync/atomic"
	"time"
)

// transmission is the second phase of a connection: a reader, which is the goroutine
// that runs it, workers, and a writer.
type transmission struct {
	*conn
	in       *bufio.Reader
	out      *outbox
	prompter Prompter // of the export, or nil
	starter  Starter  // of the export, or nil
	ring     *ring    // how the reader waits, or nil
	inFlight *budget  // bytes of this connection
	requests *budget
	work     chan task
	crew     crew
	waiting  atomic.Bool // the reader waits, see pause
	failures atomic.Int64
}

// task is a request on its way through the connection.
type task struct {
	request
	payload *buffer // data of a write that left the reader
	start   time.Time
	credit  credit
}

// transmit serves requests until the client leaves or the connection breaks.
func (c *conn) transmit() error {
	s := c.server
	s.counters.attached.Add(1)
	defer s.counters.attached.Add(-1)
	t := &transmission{
		conn:     c,
		inFlight: &budget{limit: s.limits.InFlightBytes},
		requests: &budget{limit: s.limits.InFlightRequests},
		work:     make(chan task, s.limits.InFlightRequests),
	}
	t.prompter, _ = c.opened.Export.(Prompter)
	t.openInput()
	t.out = newOutbox(c.nc, &s.limits, s.pools, t.settled, c.cut)
	written := make(chan struct{})
	go func() {
		defer close(written)
		t.out.run()
	}()
	err := t.read()
	t.closeInput()
	close(t.work)
	t.crew.Wait()
	close(t.out.wake)
	<-written
	if flushed := t.out.flush(); err == nil {
		err = flushed
	}
	return err
}

// read is the reader: it ends with nil when the client said goodbye.
func (t *transmission) read() error {
	defer t.waiting.Store(true) // workers may still be busy
	for {
		if err := t.next(); err != nil {
			return err
		}
		head, err := t.in.Peek(requestSize)
		if err != nil {
			return err
		}
		r, err := decodeRequest(head)
		if err != nil {
			return err
		}
		t.in.Discard(requestSize)
		if r.cmd == cmdDisc {
			return nil
		}
		if err := t.handle(task{request: r, start: time.Now()}); err != nil {
			return err
		}
	}
}

// handle serves one request, whose payload is still unread, or passes it on.
func (t *transmission) handle(k task) error {
	if f := t.refusal(k); f.failed() {
		return t.refuse(k, f)
	}
	if t.prompt(k) {
		return t.inline(k)
	}
	k.credit = credit{bytes: k.held(), requests: 1}
	if err := t.reserve(k.credit); err != nil {
		return err
	}
	if t.start(k) {
		return nil
	}
	if k.cmd == cmdWrite {
		k.payload = t.server.pools.get(int(k.length))
		if err := t.receive(k.payload.data); err != nil {
			k.payload.release()
			t.settled(k.credit)
			return err
		}
	}
	t.dispatch(k)
	return nil
}

// refusal says why a request is not executed.
func (t *transmission) refusal(k task) failure {
	if f := k.check(t.session); f.failed() {
		return f
	}
	if t.draining.Load() {
		return failure{eSHUTDOWN, "server is shutting down"}
	}
	return failure{}
}

// refuse answers a request with an error after reading its payload away.
func (t *transmission) refuse(k task, f failure) error {
	t.server.counters.refused.Add(1)
	if n := k.dataLength(); n > 0 {
		if err := t.discard(n); err != nil {
			return err
		}
	}
	return t.gathered(t.fail(k, f))
}

// prompt says whether the reader executes the request itself.
func (t *transmission) prompt(k task) bool {
	if t.prompter == nil || k.cmd == cmdCache || k.held() >= bulkSize {
		return false
	}
	if (k.flags&cmdFlagFUA != 0 || k.cmd == cmdFlush) && !(t.alone(k) && t.prompter.Prompt(OpFlush, 0, 0)) {
		return false
	}
	return k.cmd == cmdFlush || t.prompter.Prompt(Op(k.cmd), int64(k.offset), int64(k.length))
}

// alone says whether no other request of the connection is under way or about to be read.
func (t *transmission) alone(k task) bool {
	return int64(t.in.Buffered()) <= k.dataLength() && t.crew.pending.Load() == 0 && (t.ring == nil || !t.ring.reading())
}

// inline executes a request on the reader. A write's data stays in the input buffer.
func (t *transmission) inline(k task) error {
	t.server.counters.inline.Add(1)
	if k.cmd != cmdWrite {
		return t.gathered(t.execute(k, nil))
	}
	data, err := t.peek(int(k.length))
	if err != nil {
		return err
	}
	full := t.execute(k, data)
	t.in.Discard(len(data))
	return t.gathered(full)
}

// gathered flushes when the replies gathered by the reader are enough for a write.
func (t *transmission) gathered(full bool) error {
	if !full {
		return nil
	}
	return t.out.flush()
}
