package nbd

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"coffer.example/internal/uring"
)

// ringEntries bounds the device reads of a connection that are under way, and its
// one receive.
const ringEntries = 128

// ring is how a connection waits for its socket and for the device at once: an
// io_uring that only the reader uses. Replies of reads that the device has answered
// are written by the reader too, so that no goroutine has to be woken for them.
type ring struct {
	ring     *uring.Ring
	socket   *socket
	deadline func() time.Time // of the receive; zero is never
	flush    func() error

	calls     []func(int) // by token - 1; token 0 is the receive
	free      []uint64
	receiving bool
	received  int
	soon      bool // input has been coming within pollLimit
	seen      []uring.Completion
}

const receiveToken = 0

// newRing returns nil where the connection or the system has none. It takes the socket of
// c, which the caller closes.
func newRing(c net.Conn, deadline func() time.Time, flush func() error) *ring {
	switch c.(type) {
	case *net.UnixConn, *net.TCPConn:
	default:
		return nil
	}
	u, err := uring.New(ringEntries)
	if err != nil {
		return nil
	}
	s, err := takeSocket(c)
	if err != nil {
		u.Close()
		return nil
	}
	r := &ring{ring: u, socket: s, deadline: deadline, flush: flush, calls: make([]func(int), u.Entries())}
	for i := range u.Entries() - 1 {
		r.free = append(r.free, uint64(i)+1)
	}
	return r
}

// StartRead implements DeviceQueue.
func (r *ring) StartRead(fd uintptr, p []byte, off int64, done func(int)) bool {
	if len(r.free) == 0 {
		return false
	}
	token := r.free[len(r.free)-1]
	r.free = r.free[:len(r.free)-1]
	r.calls[token-1] = done
	r.ring.Read(int(fd), p, off, token)
	return true
}

// reading says whether device reads are under way.
func (r *ring) reading() bool { return len(r.free) < r.ring.Entries()-1 }

// Read implements io.Reader: it receives from the socket, and meanwhile completes device
// reads.
func (r *ring) Read(p []byte) (n int, err error) {
	if closed := r.socket.use(func(fd int) { n, err = r.receive(fd, p) }); closed != nil {
		return 0, closed
	}
	return n, err
}

func (r *ring) receive(fd int, p []byte) (int, error) {
	if r.receiving {
		return 0, errors.New("nbd: a receive is under way")
	}
	if _, err := r.limit(); err != nil {
		return 0, err // also where a client keeps the input full
	}
	began := time.Now()
	if n := r.poll(fd, p, began); n > 0 {
		return n, nil
	}
	r.ring.Recv(fd, p, receiveToken)
	r.receiving = true
	defer func() { r.soon = time.Since(began) < pollLimit }()
	for {
		limit, err := r.limit()
		if err == nil {
			err = r.progress(limit)
		}
		if err != nil {
			return 0, err
		}
		if r.receiving {
			if err := r.flush(); err != nil {
				return 0, err
			}
			continue
		}
		switch n := r.received; {
		case n > 0:
			return n, nil
		case n == 0:
			if _, err := r.limit(); err != nil {
				return 0, err // the stream was ended here
			}
			return 0, io.EOF
		case syscall.Errno(-n) == syscall.EINTR, syscall.Errno(-n) == syscall.EAGAIN:
			r.ring.Recv(fd, p, receiveToken)
			r.receiving = true
		default:
			return 0, os.NewSyscallError("recv", syscall.Errno(-n))
		}
	}
}

// pollLimit is how long the reader looks for input before it sleeps, if input has been
// coming that fast. To be woken takes longer, and costs the client an interrupt to another CPU.
const pollLimit = 30 * time.Microsecond

// poll receives what is there or comes soon. It returns 0 where the ring must wait, as it
// always does for device reads.
func (r *ring) poll(fd int, p []byte, began time.Time) int {
	for !r.reading() {
		n, err := uring.TryRecv(fd, p)
		if n > 0 {
			return n
		}
		if err != unix.EAGAIN || !r.soon || time.Since(began) > pollLimit {
			break
		}
	}
	return 0
}

// limit is how long a wait may take.
func (r *ring) limit() (time.Duration, error) {
	deadline := r.deadline()
	if deadline.IsZero() {
		return 0, nil
	}
	if left := time.Until(deadline); left > 0 {
		return left, nil
	}
	return 0, os.ErrDeadlineExceeded
}

// progress waits for a completion and sees to all that are there.
func (r *ring) progress(limit time.Duration) error {
	if err := r.ring.SubmitAndWait(limit); err != nil {
		return err
	}
	r.seen = r.ring.Completions(r.seen[:0])
	for _, c := range r.seen {
		if c.Token == receiveToken {
			r.receiving, r.received = false, int(c.Result)
			continue
		}
		done := r.calls[c.Token-1]
		r.calls[c.Token-1] = nil
		r.free = append(r.free, c.Token)
		done(int(c.Result))
	}
	return nil
}

// decline gives back what newRing took, and leaves the connection as it was: it shuts
// nothing down.
func (r *ring) decline() {
	r.ring.Close()
	unix.Close(r.socket.fd)
}

// conn is the socket that the connection writes to now.
func (r *ring) conn() net.Conn { return r.socket }

// close waits for what is under way, which the kernel writes into memory of this
// process, and gives the ring back. The socket is shut down.
func (r *ring) close() {
	for r.ring.InFlight() > 0 {
		if r.progress(0) != nil {
			return // a ring that cannot be waited for is not given back
		}
	}
	r.ring.Close()
}
