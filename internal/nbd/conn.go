package nbd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// conn is one connection, from accept to close.
type conn struct {
	server  *Server
	nc      net.Conn    // raw, or TLS on top of it
	tls     *tls.Config // nil: TLS is off; else it is forced
	ctx     context.Context
	cancel  context.CancelCauseFunc
	opened  *Opened
	session session

	draining atomic.Bool

	mu         sync.Mutex // guards the fields below, and the order of a drain and of readBy
	raw        net.Conn   // the socket: deadlines and cuts go here
	drainUntil time.Time
	readUntil  time.Time // what readBy was last told, or drainUntil
	ringed     bool      // reads go through a ring, which no deadline of the socket reaches
}

func newConn(ctx context.Context, s *Server, nc net.Conn, config *tls.Config) *conn {
	c := &conn{server: s, raw: nc, nc: nc, tls: config}
	c.ctx, c.cancel = context.WithCancelCause(ctx)
	return c
}

// serve runs the connection to its end and closes it.
func (c *conn) serve() error {
	defer c.cancel(nil)
	stop := context.AfterFunc(c.ctx, func() {
		c.shutRead()
		c.socket().Close()
	})
	defer stop()
	defer c.leave()
	if err := c.handshake(); err != nil {
		return c.because(err)
	}
	return c.because(c.transmit())
}

// because returns why a connection ended, given the error that showed it.
func (c *conn) because(err error) error {
	if cause := context.Cause(c.ctx); cause != nil {
		err = cause
	}
	switch {
	case errors.Is(err, errAborted):
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		if c.draining.Load() {
			return ErrDisconnected
		}
		return fmt.Errorf("%w: %w", ErrTimeout, err)
	}
	return err
}

// leave gives the export back, so that a client which sees the connection end finds it
// free, and closes the connection. With TLS, nc.Close tells the client that nothing was
// cut off.
func (c *conn) leave() {
	if c.opened != nil {
		c.opened.Release()
		c.server.untrack(c, c.opened.Info.Name)
	}
	c.nc.Close()
	c.raw.Close()
}

// cut ends the connection at once: calls of the export see their context end, and
// nothing more is sent.
func (c *conn) cut(cause error) { c.cancel(cause) }

// drain lets what is in flight finish, answers what still comes with ESHUTDOWN, and
// ends the connection when Limits.Linger is over.
func (c *conn) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.draining.Load() {
		return
	}
	c.drainUntil = time.Now().Add(c.server.limits.Linger)
	c.draining.Store(true)
	c.readUntil = c.drainUntil
	if c.ringed {
		time.AfterFunc(c.server.limits.Linger, c.shutRead)
		return
	}
	c.raw.SetReadDeadline(c.drainUntil)
}

// socket is where cuts go now.
func (c *conn) socket() net.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.raw
}

// shutRead ends a receive that a ring has under way: it sees the end of the stream.
func (c *conn) shutRead() {
	if s, ok := c.socket().(interface{ CloseRead() error }); ok {
		s.CloseRead()
	}
}

// useRing has deadlines kept for a ring, which has taken the socket over. It returns false
// when the connection drains or is being cut.
func (c *conn) useRing(s net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.draining.Load() || c.ctx.Err() != nil { // later a cut finds s
		return false
	}
	c.raw.Close()
	c.raw, c.nc, c.ringed = s, s, true
	return true
}

// deadline is the time by which a ring's receive must be done; zero is never.
func (c *conn) deadline() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.readUntil
}

// readBy sets the time by which reads must be done; zero is never. A drain is earlier.
func (c *conn) readBy(deadline time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.draining.Load() && (deadline.IsZero() || deadline.After(c.drainUntil)) {
		deadline = c.drainUntil
	}
	c.readUntil = deadline
	if c.ringed {
		return nil
	}
	return c.raw.SetReadDeadline(deadline)
}

// open opens an export for good. A Disconnect between the registry's answer and the
// entry in the server's table would miss this connection: then it asks again.
func (c *conn) open(ctx context.Context, name string) (*Opened, error) {
	for {
		epoch := c.server.disconnectEpoch()
		opened, err := c.lookUp(ctx, name)
		if err != nil {
			return nil, err
		}
		if c.server.track(c, opened.Info.Name, epoch) {
			return opened, nil
		}
		opened.Release()
	}
}

// lookUp opens an export; the caller releases it.
func (c *conn) lookUp(ctx context.Context, name string) (*Opened, error) {
	opened, err := c.server.registry.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	if opened.Size() < 0 {
		opened.Release()
		return nil, fmt.Errorf("export %q: negative size", opened.Info.Name)
	}
	return opened, nil
}

// endOfStream turns the end of input into what it means between two messages.
func endOfStream(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
		return errGone
	}
	return err
}

// Ways a connection ends that are nobody's fault.
var (
	errAborted = errors.New("client aborted the handshake")
	errGone    = errors.New("client went away")
)
