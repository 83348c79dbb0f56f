package nbd

import (
	"net"
	"sync"
	"time"
)

// outbox gathers replies and writes what has gathered in one go.
type outbox struct {
	conn   net.Conn
	vector bool // conn has writev, by way of net.Buffers
	limits *Limits
	pools  *bufferPools
	done   func(credit) // called with what the replies of a written batch held
	broken func(error)  // called when a write fails
	wake   chan struct{}

	mu    sync.Mutex // guards queue and err
	queue batch
	err   error

	writing sync.Mutex // held while a batch is written; guards the rest
	batch   batch
	vec     net.Buffers
	scratch []byte
}

// credit is what a request holds of the budgets until its reply is written.
type credit struct {
	bytes    int64
	requests int64
}

// batch is a sequence of replies. Its slices are reused.
type batch struct {
	segments [][]byte
	owners   []*buffer // to be released after writing
	small    *buffer   // the last segment, when it takes further small replies
	bytes    int
	credit   credit
}

// newOutbox makes the outbox of a connection in transmission.
func newOutbox(conn net.Conn, limits *Limits, pools *bufferPools, done func(credit), broken func(error)) *outbox {
	o := &outbox{conn: conn, limits: limits, pools: pools, done: done, broken: broken, wake: make(chan struct{}, 1)}
	switch conn.(type) {
	case *net.TCPConn, *net.UnixConn:
		o.vector = true
	default:
		o.scratch = make([]byte, 0, 4*coalesceSize)
	}
	return o
}

// put queues a reply without data, which is copied, and says whether it is time to flush.
func (o *outbox) put(reply []byte, c credit) bool {
	o.mu.Lock()
	q := &o.queue
	if q.small == nil || len(q.small.data)+len(reply) > cap(q.small.data) {
		q.small = o.pools.get(0)
		q.owners = append(q.owners, q.small)
		q.segments = append(q.segments, nil)
	}
	q.small.data = append(q.small.data, reply...)
	q.segments[len(q.segments)-1] = q.small.data
	return o.added(len(reply), c)
}

// putData queues a reply of a header and the buffer's data, and takes the buffer.
func (o *outbox) putData(header []byte, data *buffer, c credit) bool {
	segment := data.withHeader(header)
	o.mu.Lock()
	q := &o.queue
	q.segments = append(q.segments, segment)
	q.owners = append(q.owners, data)
	q.small = nil
	return o.added(len(segment), c)
}

// added accounts for a queued reply and unlocks mu.
func (o *outbox) added(n int, c credit) bool {
	q := &o.queue
	q.bytes += n
	q.credit.bytes += c.bytes
	q.credit.requests += c.requests
	full := q.bytes >= batchBytes || len(q.segments) >= batchSegments
	o.mu.Unlock()
	return full
}

// signal has the writer goroutine flush.
func (o *outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// run flushes on every signal until wake is closed.
func (o *outbox) run() {
	for range o.wake {
		o.flush()
	}
}

// flush writes everything queued. After a failed write replies are dropped, and the
// error stays.
func (o *outbox) flush() error {
	o.writing.Lock()
	defer o.writing.Unlock()
	for {
		o.mu.Lock()
		err := o.err
		if len(o.queue.segments) == 0 {
			o.mu.Unlock()
			return err
		}
		o.batch, o.queue = o.queue, o.batch
		o.mu.Unlock()
		if err == nil {
			if err = o.write(&o.batch); err != nil {
				o.fail(err)
			}
		}
		o.settle()
	}
}

// settle releases what the written batch held.
func (o *outbox) settle() {
	b := &o.batch
	for i, owner := range b.owners {
		owner.release()
		b.owners[i] = nil
	}
	c := b.credit
	clear(b.segments)
	*b = batch{segments: b.segments[:0], owners: b.owners[:0]}
	o.done(c)
}

func (o *outbox) fail(err error) {
	o.mu.Lock()
	o.err = err
	o.mu.Unlock()
	o.broken(err)
}

func (o *outbox) write(b *batch) error {
	if err := o.conn.SetWriteDeadline(time.Now().Add(o.limits.allowance(int64(b.bytes)))); err != nil {
		return err
	}
	if w, ok := o.conn.(interface{ writeVectors([][]byte) error }); ok {
		return w.writeVectors(b.segments)
	}
	if o.vector {
		o.vec = net.Buffers(b.segments)
		_, err := o.vec.WriteTo(o.conn)
		return err
	}
	return o.writeCoalesced(b.segments)
}

// writeCoalesced copies small segments together: without writev each would be a
// system call, and a TLS record, of its own.
func (o *outbox) writeCoalesced(segments [][]byte) error {
	joined := o.scratch[:0]
	for _, segment := range segments {
		if len(joined)+len(segment) <= cap(joined) {
			joined = append(joined, segment...)
			continue
		}
		if len(joined) > 0 {
			if _, err := o.conn.Write(joined); err != nil {
				return err
			}
			joined = joined[:0]
		}
		if len(segment) <= coalesceSize {
			joined = append(joined, segment...)
		} else if _, err := o.conn.Write(segment); err != nil {
			return err
		}
	}
	if len(joined) == 0 {
		return nil
	}
	_, err := o.conn.Write(joined)
	return err
}

// allowance is how long the transfer of n bytes may take.
func (l *Limits) allowance(n int64) time.Duration {
	return l.Stall + time.Duration(n)*time.Second/time.Duration(l.MinRate)
}

// drop gives back what a request holds whose reply will not be written.
func (o *outbox) drop(c credit) bool {
	o.done(c)
	return false
}
