package nbd

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// connPair returns the two ends of a connection.
func connPair(t *testing.T) (server, client net.Conn) {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	require.NoError(t, err)
	defer l.Close()
	client, err = net.Dial("unix", l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { client.Close() })
	server, err = l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { server.Close() })
	return server, client
}

// socketPair returns a taken socket and its client.
func socketPair(t *testing.T) (*socket, net.Conn) {
	t.Helper()
	c, client := connPair(t)
	s, err := takeSocket(c)
	require.NoError(t, err)
	require.NoError(t, c.Close())
	t.Cleanup(func() { s.Close() })
	return s, client
}

// A ring that is not used after all leaves the connection as it was.
func TestSocketDeclined(t *testing.T) {
	c, client := connPair(t)
	r := newRing(c, nil, nil)
	if r == nil {
		t.Log("NOT RUN: the system has no io_uring")
		return
	}
	r.decline()
	_, err := c.Write([]byte("still here"))
	require.NoError(t, err)
	got := make([]byte, 10)
	_, err = io.ReadFull(client, got)
	require.NoError(t, err)
	require.Equal(t, "still here", string(got))
}

// What does not fit into the socket waits for the client and arrives whole, in order.
func TestSocketWritesAll(t *testing.T) {
	s, client := socketPair(t)
	require.NoError(t, s.SetWriteDeadline(time.Now().Add(soon)))
	var bufs [][]byte
	for i := range 2 * maxVectors {
		bufs = append(bufs, bytes.Repeat([]byte{byte(i), byte(i >> 8)}, 4096))
	}
	want := bytes.Join(bufs, nil)
	wrote := make(chan error, 1)
	go func() { wrote <- s.writeVectors(bufs) }()
	got := make([]byte, len(want))
	_, err := io.ReadFull(client, got)
	require.NoError(t, err)
	require.NoError(t, <-wrote)
	require.True(t, bytes.Equal(want, got))
}

// A client that does not read ends a write at its deadline.
func TestSocketWriteStalls(t *testing.T) {
	s, _ := socketPair(t)
	require.NoError(t, s.SetWriteDeadline(time.Now().Add(20*time.Millisecond)))
	require.ErrorIs(t, s.writeVectors([][]byte{make([]byte, 64<<20)}), os.ErrDeadlineExceeded)
}

// Close ends a write that waits, and the descriptor lives until it has ended.
func TestSocketCloseEndsWrite(t *testing.T) {
	s, client := socketPair(t)
	require.NoError(t, s.SetWriteDeadline(time.Now().Add(time.Hour)))
	wrote := make(chan error, 1)
	go func() { wrote <- s.writeVectors([][]byte{make([]byte, 64<<20)}) }()
	_, err := client.Read(make([]byte, 1)) // it is under way
	require.NoError(t, err)
	require.NoError(t, s.Close())
	select {
	case err := <-wrote:
		require.Error(t, err)
	case <-time.After(soon):
		require.Fail(t, "the write goes on")
	}
	require.ErrorIs(t, s.writeVectors([][]byte{{1}}), net.ErrClosed)
	require.ErrorIs(t, s.CloseRead(), net.ErrClosed)
	require.ErrorIs(t, s.Close(), net.ErrClosed)
}

// A ring receives nothing after its deadline, also where input is there.
func TestRingDeadline(t *testing.T) {
	c, client := connPair(t)
	deadline := time.Time{}
	r := newRing(c, func() time.Time { return deadline }, func() error { return nil })
	if r == nil {
		t.Log("NOT RUN: the system has no io_uring")
		return
	}
	defer r.decline()
	_, err := client.Write([]byte("twice"))
	require.NoError(t, err)
	p := make([]byte, 2)
	n, err := r.Read(p)
	require.NoError(t, err)
	require.Equal(t, "tw", string(p[:n]))
	deadline = time.Now().Add(-time.Second)
	_, err = r.Read(p)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
}
