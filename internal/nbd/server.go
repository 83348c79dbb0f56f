package nbd

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"
)

// Options of a Server.
type Options struct {
	Registry Registry
	// HideExports has LIST answer ERR_POLICY.
	HideExports bool
	Limits      Limits
	// Log gets one line per connection that ended badly; nil is silence.
	Log *slog.Logger
}

// Server serves the exports of a registry to any number of listeners.
type Server struct {
	registry    Registry
	hideExports bool
	limits      Limits
	log         *slog.Logger
	pools       *bufferPools
	scans       *sync.Pool
	total       *budget
	counters    counters
	running     sync.WaitGroup // connections and accept loops

	mu        sync.Mutex // guards the rest
	conns     map[*conn]struct{}
	listeners map[net.Listener]struct{}
	holders   map[string]*holders // by export; present while a connection holds it
	epoch     uint64              // counts Disconnects
	stopping  bool                // Shutdown or Close was called
}

// NewServer returns a server without listeners.
func NewServer(o Options) *Server {
	limits := o.Limits.withDefaults()
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Server{
		registry: o.Registry, hideExports: o.HideExports, limits: limits, log: log,
		pools: newBufferPools(), scans: newScanPool(), total: &budget{limit: limits.TotalInFlightBytes},
		conns: map[*conn]struct{}{}, listeners: map[net.Listener]struct{}{}, holders: map[string]*holders{},
	}
}

// Serve accepts connections until the listener fails or the server is shut down, and
// closes the listener. With a TLS configuration every client must use TLS, and a
// client certificate where the configuration asks for one.
func (s *Server) Serve(ctx context.Context, l net.Listener, config *tls.Config) error {
	defer l.Close()
	if !s.addListener(l) {
		return ErrServerClosed
	}
	defer s.running.Done()
	defer s.removeListener(l)
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	for {
		nc, err := l.Accept()
		switch {
		case err == nil:
			s.running.Go(func() { s.ServeConn(ctx, nc, config) })
		case s.isStopping():
			return ErrServerClosed
		case ctx.Err() != nil:
			return ctx.Err()
		case !isTransient(err):
			return err
		default:
			s.log.Warn("nbd accept failed", "error", err)
			select { // out of descriptors, say: connections that end free some
			case <-time.After(acceptPause):
			case <-ctx.Done():
			}
		}
	}
}

// acceptPause follows a failed accept.
const acceptPause = 50 * time.Millisecond

// isTransient says whether accepting may work again.
func isTransient(err error) bool {
	var netError net.Error
	return errors.As(err, &netError) && !errors.Is(err, net.ErrClosed)
}

// ServeConn serves one connection and closes it. It returns nil when the client left in
// order. The end of ctx cuts the connection.
func (s *Server) ServeConn(ctx context.Context, nc net.Conn, config *tls.Config) error {
	c := newConn(ctx, s, nc, config)
	if err := s.addConn(c); err != nil {
		c.cancel(nil)
		s.counters.rejected.Add(1) // first: the client sees the close
		nc.Close()
		return err
	}
	s.counters.accepted.Add(1)
	err := c.serve()
	s.removeConn(c)
	s.report(c, err)
	if errors.Is(err, errGone) {
		return nil
	}
	return err
}

// report counts and logs the end of a connection.
func (s *Server) report(c *conn, err error) {
	if err == nil || errors.Is(err, errGone) {
		return
	}
	switch {
	case errors.Is(err, ErrTimeout):
		s.counters.timeouts.Add(1)
	case errors.Is(err, ErrProtocol):
		s.counters.protocolErrors.Add(1)
	}
	export := ""
	if c.opened == nil {
		s.counters.handshakeFailures.Add(1)
	} else {
		export = c.opened.Info.Name
	}
	level := slog.LevelInfo
	if errors.Is(err, ErrDisconnected) || errors.Is(err, io.ErrUnexpectedEOF) {
		level = slog.LevelDebug
	}
	s.log.Log(context.Background(), level, "nbd connection ended", "export", export, "error", err)
}

// Shutdown closes the listeners, lets requests in flight finish, answers later ones
// with ESHUTDOWN, and ends every connection after Limits.Linger. When ctx ends first,
// what is left is cut. It returns when every connection has given its export back.
func (s *Server) Shutdown(ctx context.Context) error {
	for _, c := range s.stop() {
		c.drain()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.running.Wait()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	for _, c := range s.stop() {
		c.cut(ErrDisconnected)
	}
	<-done
	return ctx.Err()
}

// Close closes the listeners, cuts every connection and waits for them to end.
func (s *Server) Close() error {
	for _, c := range s.stop() {
		c.cut(ErrDisconnected)
	}
	s.running.Wait()
	return nil
}

// Metrics returns the counters of the server.
func (s *Server) Metrics() Metrics {
	m := s.counters.snapshot()
	s.mu.Lock()
	m.Connections = int64(len(s.conns))
	s.mu.Unlock()
	m.InFlightBytes = s.total.inUse()
	return m
}
