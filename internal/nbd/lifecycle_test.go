package nbd

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// soon bounds what happens at once.
const soon = 5 * time.Second

// gate blocks operations until it is opened.
type gate struct {
	op      Op
	entered chan struct{}
	opened  chan struct{}
	once    sync.Once
}

func newGate(op Op) *gate {
	return &gate{op: op, entered: make(chan struct{}, 1024), opened: make(chan struct{})}
}

func (g *gate) open() { g.once.Do(func() { close(g.opened) }) }

func (g *gate) hook(op Op, _, _ int64) error {
	if op == g.op {
		g.entered <- struct{}{}
		<-g.opened
	}
	return nil
}

func (g *gate) await(t testing.TB) {
	t.Helper()
	select {
	case <-g.entered:
	case <-time.After(soon):
		t.Fatal("no operation came")
	}
}

func gated(t testing.TB, g *gate, o Options) (*started, *wireClient) {
	m := newMemoryExport(8 << 20)
	m.before(g.hook)
	s := start(t, o, nil, map[string]Export{"vol": m})
	t.Cleanup(g.open) // a failed test must not hang
	return s, attach(t, s, "vol")
}

func TestFlushDoesNotBlockOthers(t *testing.T) {
	g := newGate(OpFlush)
	_, c := gated(t, g, Options{})
	flush, err := c.send(request{cmd: cmdFlush}, nil)
	require.NoError(t, err)
	g.await(t)
	require.Equal(t, eOK, c.do(t, request{cmd: cmdWrite, length: 512}, make([]byte, 512)).errno)
	require.Equal(t, eOK, c.do(t, request{cmd: cmdRead, length: 512}, nil).errno)
	g.open()
	p, err := c.receive()
	require.NoError(t, err)
	require.Equal(t, flush, p.request.cookie)
}

func TestGoodbyeDrains(t *testing.T) {
	g := newGate(OpWrite)
	_, c := gated(t, g, Options{})
	for range 3 {
		_, err := c.send(request{cmd: cmdWrite, length: 512}, make([]byte, 512))
		require.NoError(t, err)
	}
	_, err := c.nc.Write(appendRequest(nil, request{cmd: cmdDisc}))
	require.NoError(t, err)
	g.await(t)
	g.open()
	for range 3 {
		p, err := c.receive()
		require.NoError(t, err)
		require.Equal(t, eOK, p.errno)
	}
	c.gone(t)
}

func TestBackPressure(t *testing.T) {
	for name, limits := range map[string]Limits{
		"requests": {InFlightRequests: 4},
		"bytes":    {InFlightBytes: 4 * 4096},
		"total":    {TotalInFlightBytes: 4 * 4096},
		"workers":  {Workers: 4},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGate(OpWrite)
			s, c := gated(t, g, Options{Limits: limits})
			sent := make(chan error, 1)
			go func() {
				for range 64 {
					if _, err := c.send(request{cmd: cmdWrite, length: 4096}, make([]byte, 4096)); err != nil {
						sent <- err
						return
					}
				}
				sent <- nil
			}()
			for range 4 {
				g.await(t)
			}
			time.Sleep(20 * time.Millisecond)
			require.Empty(t, g.entered, "more than the limit inside the export")
			if name == "bytes" || name == "total" {
				require.EqualValues(t, 4*4096, s.Metrics().InFlightBytes)
			}
			g.open()
			require.NoError(t, <-sent)
			for range 64 {
				p, err := c.receive()
				require.NoError(t, err)
				require.Equal(t, eOK, p.errno)
			}
		})
	}
}

func TestRequestLargerThanTheBudget(t *testing.T) {
	s := start(t, Options{Limits: Limits{InFlightBytes: 1, TotalInFlightBytes: 1}}, nil, oneVolume(t))
	c := attach(t, s, "vol")
	for range 10 {
		require.Equal(t, eOK, c.do(t, request{cmd: cmdWrite, length: 1 << 20}, make([]byte, 1<<20)).errno)
	}
}

func TestHandshakeTimeout(t *testing.T) {
	s := start(t, Options{Limits: Limits{Handshake: 50 * time.Millisecond}}, nil, oneVolume(t))
	silent, err := net.Dial("unix", s.socket)
	require.NoError(t, err)
	defer silent.Close()
	half := dial(t, s, flagFixedNewstyle)
	_, err = half.nc.Write(appendOption(nil, optGo, infoRequest{"vol", nil}.append(nil))[:20])
	require.NoError(t, err)
	half.gone(t)
	silent.SetDeadline(time.Now().Add(soon))
	_, err = io.Copy(io.Discard, silent)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return s.Metrics().Timeouts == 2 }, soon, time.Millisecond)
	require.EqualValues(t, 2, s.Metrics().HandshakeFailures)
}

func TestHalfOpenClients(t *testing.T) {
	unfinished := map[string][]byte{
		"header":        appendRequest(nil, request{cmd: cmdRead, length: 512})[:20],
		"payload":       append(appendRequest(nil, request{cmd: cmdWrite, length: 512}), make([]byte, 100)...),
		"large payload": append(appendRequest(nil, request{cmd: cmdWrite, length: 512 << 10}), make([]byte, 300<<10)...),
		"drained":       append(appendRequest(nil, request{cmd: cmdWrite, length: MaxPayload + 1}), make([]byte, 100)...),
	}
	for name, sent := range unfinished {
		for _, prompt := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				m := newMemoryExport(1 << 20)
				m.prompt = prompt
				s := start(t, Options{Limits: Limits{Stall: 50 * time.Millisecond, MinRate: 1 << 30}}, nil, map[string]Export{"vol": m})
				c := attach(t, s, "vol")
				time.Sleep(80 * time.Millisecond) // an idle client is not a stalled one
				require.Equal(t, eOK, c.do(t, request{cmd: cmdRead, length: 512}, nil).errno)
				_, err := c.nc.Write(sent)
				require.NoError(t, err)
				c.gone(t)
				require.Eventually(t, func() bool { return s.Metrics().Timeouts == 1 }, soon, time.Millisecond)
			})
		}
	}
}

// TestSlowReader has a client ask for far more than it reads: the server holds no more
// than its budget, and cuts the client when it takes nothing at all.
func TestSlowReader(t *testing.T) {
	const budget = 1 << 20
	for _, prompt := range []bool{false, true} {
		m := newMemoryExport(8 << 20)
		m.prompt = prompt
		s := start(t, Options{Limits: Limits{Stall: 300 * time.Millisecond, MinRate: 1 << 30, InFlightBytes: budget}}, nil, map[string]Export{"vol": m})
		c := attach(t, s, "vol")
		var sent atomic.Int64
		go func() {
			for range 10_000 {
				r := request{cmd: cmdRead, flags: cmdFlagDF, length: 60 << 10, cookie: 1}
				if _, err := c.nc.Write(appendRequest(nil, r)); err != nil {
					return
				}
				sent.Add(1)
			}
		}()
		time.Sleep(100 * time.Millisecond)
		require.LessOrEqual(t, s.Metrics().InFlightBytes, int64(budget))
		require.Eventually(t, func() bool { return s.Metrics().Timeouts == 1 }, soon, time.Millisecond)
		require.Eventually(t, func() bool { return s.Metrics().Connections == 0 }, soon, time.Millisecond)
	}
}

func TestIdleTimeout(t *testing.T) {
	s := start(t, Options{Limits: Limits{Idle: 50 * time.Millisecond}}, nil, oneVolume(t))
	c := attach(t, s, "vol")
	require.Equal(t, eOK, c.do(t, request{cmd: cmdRead, length: 512}, nil).errno)
	c.gone(t)
}

func TestConnectionLimit(t *testing.T) {
	s := start(t, Options{Limits: Limits{Connections: 2}}, nil, oneVolume(t))
	a := attach(t, s, "vol")
	attach(t, s, "vol")
	over, err := net.Dial("unix", s.socket)
	require.NoError(t, err)
	defer over.Close()
	over.SetDeadline(time.Now().Add(soon))
	b, err := io.ReadAll(over)
	require.NoError(t, err)
	require.Empty(t, b)
	require.EqualValues(t, 1, s.Metrics().Rejected)
	a.nc.Close()
	require.Eventually(t, func() bool { return s.Metrics().Connections == 1 }, soon, time.Millisecond)
	attach(t, s, "vol")
}

func TestClientDeath(t *testing.T) {
	for name, last := range map[string][]byte{
		"between requests": nil,
		"in a header":      make([]byte, 10),
		"in a payload":     append(appendRequest(nil, request{cmd: cmdWrite, length: 128 << 10}), make([]byte, 5000)...),
	} {
		t.Run(name, func(t *testing.T) {
			g := newGate(OpWrite)
			s, c := gated(t, g, Options{})
			for range 8 {
				_, err := c.send(request{cmd: cmdWrite, length: 4096}, make([]byte, 4096))
				require.NoError(t, err)
			}
			g.await(t)
			_, err := c.nc.Write(last)
			require.NoError(t, err)
			c.nc.Close()
			time.Sleep(5 * time.Millisecond)
			require.Equal(t, 1, s.registry.holding(), "released while an operation runs")
			g.open()
			require.Eventually(t, func() bool { return s.registry.holding() == 0 }, soon, time.Millisecond)
		})
	}
}

func TestShutdown(t *testing.T) {
	g := newGate(OpFlush)
	s, c := gated(t, g, Options{Limits: Limits{Linger: 300 * time.Millisecond}})
	haggling := dial(t, s, flagFixedNewstyle)
	require.EqualValues(t, repAck, haggling.final(t, optStructuredReply, nil))
	flush, err := c.send(request{cmd: cmdFlush}, nil)
	require.NoError(t, err)
	g.await(t)
	down := make(chan error, 1)
	go func() { down <- s.Shutdown(context.Background()) }()
	require.Eventually(t, s.isStopping, soon, time.Millisecond)
	time.Sleep(20 * time.Millisecond)
	require.EqualValues(t, repErrShutdown, haggling.final(t, optList, nil))
	require.EqualValues(t, repAck, haggling.final(t, optAbort, nil))
	for _, cmd := range []uint16{cmdRead, cmdWrite} {
		r := request{cmd: cmd, length: 512}
		p := c.do(t, r, make([]byte, r.dataLength()))
		require.Equal(t, eSHUTDOWN, p.errno)
	}
	select {
	case <-down:
		t.Fatal("shut down with a flush in flight")
	case <-time.After(400 * time.Millisecond): // longer than the linger
	}
	g.open()
	p, err := c.receive()
	require.NoError(t, err)
	require.Equal(t, flush, p.request.cookie)
	require.Equal(t, eOK, p.errno)
	c.gone(t)
	require.NoError(t, <-down)
	_, err = net.Dial("unix", s.socket)
	require.Error(t, err)
}

func TestShutdownCutsAtItsDeadline(t *testing.T) {
	m := newMemoryExport(1 << 20)
	s := start(t, Options{Limits: Limits{Linger: time.Hour}}, nil, map[string]Export{"vol": m})
	c := attach(t, s, "vol")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, s.Shutdown(ctx), context.DeadlineExceeded)
	c.gone(t)
}

func TestDisconnect(t *testing.T) {
	m, other := newMemoryExport(1<<20), newMemoryExport(1<<20)
	g := newGate(OpWrite)
	m.before(g.hook)
	s := start(t, Options{Limits: Limits{Linger: 100 * time.Millisecond}}, nil, map[string]Export{"vol": m, "other": other})
	t.Cleanup(g.open)
	a, b, bystander := attach(t, s, "vol"), attach(t, s, ""), attach(t, s, "other")
	require.Equal(t, 2, s.Connections("vol"), "the default export counts under its own name")
	select {
	case <-s.Released("vol"):
		t.Fatal("released while connections hold it")
	default:
	}
	_, err := a.send(request{cmd: cmdWrite, length: 512}, make([]byte, 512))
	require.NoError(t, err)
	g.await(t)
	s.registry.remove("vol")
	released := s.Released("vol")
	s.Disconnect("vol", false)
	require.Equal(t, eSHUTDOWN, b.do(t, request{cmd: cmdRead, length: 512}, nil).errno)
	b.gone(t)
	require.Equal(t, 1, s.Connections("vol"), "drained, but for the one with a write in flight")
	s.Disconnect("vol", true)
	a.gone(t)
	g.open()
	select {
	case <-released:
	case <-time.After(soon):
		t.Fatal("not released")
	}
	<-s.Released("vol")
	require.Equal(t, eOK, bystander.do(t, request{cmd: cmdRead, length: 512}, nil).errno)
}

// TestDisconnectRacesWithOpen removes an export while clients are opening it: once
// Disconnect has returned, none may hold it for long.
func TestDisconnectRacesWithOpen(t *testing.T) {
	s := start(t, Options{}, nil, nil)
	for range 50 {
		s.registry.mu.Lock()
		s.registry.exports = map[string]Export{"vol": newMemoryExport(1 << 20)}
		s.registry.mu.Unlock()
		var clients sync.WaitGroup
		for range 4 {
			clients.Go(func() {
				nc, err := net.Dial("unix", s.socket)
				if err != nil {
					return
				}
				defer nc.Close()
				c, err := greet(nc, flagFixedNewstyle)
				if err == nil && c.negotiate("vol", false) == nil {
					io.Copy(io.Discard, c.in)
				}
			})
		}
		s.registry.remove("vol")
		s.Disconnect("vol", true)
		clients.Wait()
		<-s.Released("vol")
	}
}

// TestFlushAcrossConnections writes on one connection, flushes on a second, and looks
// at what a third and the device's durable state show.
func TestFlushAcrossConnections(t *testing.T) {
	m := newMemoryExport(1 << 20)
	var written, durable atomic.Int64
	m.before(func(op Op, off, _ int64) error {
		switch op {
		case OpWrite:
			time.Sleep(50 * time.Microsecond)
			written.Store(off)
		case OpFlush:
			durable.Store(written.Load())
		}
		return nil
	})
	s := start(t, Options{}, nil, map[string]Export{"vol": m})
	a, b, c := attach(t, s, "vol"), attach(t, s, "vol"), attach(t, s, "vol")
	require.NotZero(t, a.flags&txCanMultiConn)
	for i := range 200 {
		at, value := uint64(i+1)*512, byte(i+1)
		data := make([]byte, 512)
		data[0] = value
		require.Equal(t, eOK, a.do(t, request{cmd: cmdWrite, offset: at, length: 512}, data).errno)
		require.Equal(t, eOK, b.do(t, request{cmd: cmdFlush}, nil).errno)
		require.EqualValues(t, at, durable.Load())
		require.Equal(t, value, c.do(t, request{cmd: cmdRead, offset: at, length: 512}, nil).data[0])
	}
}

// A flush that is prompt runs on the reader while that has nothing else to do, and so does
// a write with FUA.
func TestPromptFlush(t *testing.T) {
	m := newMemoryExport(1 << 20)
	m.prompt = true
	s := start(t, Options{}, nil, map[string]Export{"vol": m})
	c := attach(t, s, "vol")
	require.Equal(t, eOK, c.do(t, request{cmd: cmdFlush}, nil).errno)
	require.Equal(t, eOK, c.do(t, request{cmd: cmdWrite, flags: cmdFlagFUA, length: 512}, make([]byte, 512)).errno)
	require.EqualValues(t, 2, s.Metrics().Inline)
}

func TestMetrics(t *testing.T) {
	everyWay(t, func(t *testing.T, m *memoryExport, s *started) {
		c := attach(t, s, "vol")
		for range 10 {
			require.Equal(t, eOK, c.do(t, request{cmd: cmdWrite, length: 4096}, make([]byte, 4096)).errno)
		}
		m.before(func(Op, int64, int64) error { return ErrNoSpace })
		require.Equal(t, eNOSPC, c.do(t, request{cmd: cmdWrite, length: 4096}, make([]byte, 4096)).errno)
		require.Equal(t, eINVAL, c.do(t, request{cmd: 99}, nil).errno)
		got := s.Metrics()
		require.EqualValues(t, 1, got.Connections)
		require.EqualValues(t, 1, got.Attached)
		require.EqualValues(t, 1, got.Accepted)
		require.EqualValues(t, 1, got.Refused)
		require.EqualValues(t, map[bool]int{false: 0, true: 11}[m.prompt], got.Inline)
		for _, op := range got.Ops {
			if op.Op == OpWrite {
				require.EqualValues(t, 11, op.Count)
				require.EqualValues(t, 1, op.Errors)
				require.EqualValues(t, 10*4096, op.Bytes)
				require.Positive(t, op.Latency.Sum)
			} else {
				require.Zero(t, op.Count)
			}
		}
	})
	for took, bucket := range map[time.Duration]int{0: 0, 1000: 0, 1001: 1, 2000: 1, 2001: 2, time.Second: 20, time.Hour: latencyBuckets - 1} {
		require.Equal(t, bucket, bucketOf(took), "%v", took)
		if bound := (Histogram{}).Bound(bucket); bound != 0 {
			require.LessOrEqual(t, took, bound)
		}
	}
}
