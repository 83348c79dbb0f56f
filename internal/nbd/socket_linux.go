package nbd

import (
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// socket is a connection's socket outside the poller of the Go runtime, which would wake
// a thread for every request that arrives and for every reply that the client takes. A
// ring receives from it; a write that finds the socket full blocks its thread.
type socket struct {
	net.Conn // closed: for its addresses

	fd       int
	deadline time.Time // of writes; who writes holds a lock

	mu     sync.Mutex // guards the fields below
	users  int        // calls that use fd
	closed bool
}

// sendBuffer is how much of its replies a socket should hold while the client is busy.
const sendBuffer = 2 << 20

// takeSocket returns the socket of a connection, which its caller closes.
func takeSocket(c net.Conn) (*socket, error) {
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &socket{Conn: c}
	controlled := raw.Control(func(fd uintptr) {
		s.fd, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
		// A privileged process has more than the system's limit; without it, a large reply only takes more turns.
		if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, sendBuffer) != nil {
			_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer)
		}
	})
	if controlled != nil {
		return nil, controlled
	}
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	return s, nil
}

// use calls f with the descriptor, which stays open meanwhile.
func (s *socket) use(f func(fd int)) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return net.ErrClosed
	}
	s.users++
	s.mu.Unlock()
	f(s.fd)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users--; s.closed && s.users == 0 {
		unix.Close(s.fd)
	}
	return nil
}

// Close ends what is under way, and closes the descriptor after it.
func (s *socket) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	s.closed = true
	err := unix.Shutdown(s.fd, unix.SHUT_RDWR)
	if s.users == 0 {
		unix.Close(s.fd)
	}
	return err
}

// CloseRead has the receive that is under way, and later ones, see the end of the stream.
func (s *socket) CloseRead() (err error) {
	closed := s.use(func(fd int) { err = unix.Shutdown(fd, unix.SHUT_RD) })
	return errors.Join(closed, err)
}

func (s *socket) SetWriteDeadline(t time.Time) error {
	s.deadline = t
	return nil
}

// writeVectors writes all of bufs, which it changes.
func (s *socket) writeVectors(bufs [][]byte) (err error) {
	closed := s.use(func(fd int) {
		for len(bufs) > 0 && err == nil {
			var n int
			switch n, err = unix.Writev(fd, bufs[:min(len(bufs), maxVectors)]); err {
			case nil:
				bufs = consume(bufs, n)
			case unix.EINTR:
				err = nil
			case unix.EAGAIN:
				err = s.awaitSpace(fd)
			default:
				err = os.NewSyscallError("writev", err)
			}
		}
	})
	if closed != nil {
		return closed
	}
	return err
}

// awaitSpace waits until the socket takes more, or the deadline is over.
func (s *socket) awaitSpace(fd int) error {
	left := time.Until(s.deadline)
	if left <= 0 {
		return os.ErrDeadlineExceeded
	}
	wait := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	if _, err := unix.Poll(wait, int(left/time.Millisecond)+1); err != nil && err != unix.EINTR {
		return os.NewSyscallError("poll", err)
	}
	return nil
}

// maxVectors is IOV_MAX.
const maxVectors = 1024

// consume drops the first n bytes.
func consume(bufs [][]byte, n int) [][]byte {
	for len(bufs) > 0 && n >= len(bufs[0]) {
		n -= len(bufs[0])
		bufs = bufs[1:]
	}
	if n > 0 {
		bufs[0] = bufs[0][n:]
	}
	return bufs
}
