package uring

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func openRing(t *testing.T, entries int) *Ring {
	t.Helper()
	r, err := New(entries)
	require.NoError(t, err)
	t.Cleanup(r.Close)
	return r
}

// collect waits for n completions and returns their results by token.
func collect(t *testing.T, r *Ring, n int) map[uint64]int32 {
	t.Helper()
	got := map[uint64]int32{}
	for deadline := time.Now().Add(10 * time.Second); len(got) < n; {
		require.True(t, time.Now().Before(deadline), "%d of %d completions", len(got), n)
		require.NoError(t, r.SubmitAndWait(time.Second))
		for _, c := range r.Completions(nil) {
			require.NotContains(t, got, c.Token)
			got[c.Token] = c.Result
		}
	}
	return got
}

func TestFileOperations(t *testing.T) {
	r := openRing(t, 8)
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	defer f.Close()
	fd := int(f.Fd())
	a, b := bytes.Repeat([]byte{1}, 4096), bytes.Repeat([]byte{2}, 4096)
	r.Write(fd, a, 0, 10)
	iov := []unix.Iovec{{Base: &b[0]}, {Base: &a[0]}}
	iov[0].SetLen(4096)
	iov[1].SetLen(4096)
	r.Writev(fd, iov, 4096, 11)
	r.Nop(12)
	require.Equal(t, map[uint64]int32{10: 4096, 11: 8192, 12: 0}, collect(t, r, 3))
	require.Zero(t, r.InFlight())

	got := make([]byte, 3*4096)
	r.Read(fd, got, 0, 1)
	r.Read(-1, got[:1], 0, 2)
	require.NoError(t, r.Submit())
	require.Equal(t, map[uint64]int32{1: int32(len(got)), 2: -int32(unix.EBADF)}, collect(t, r, 2))
	require.Equal(t, append(append(append([]byte(nil), a...), b...), a...), got)
}

// The queues wrap round many times and no completion is lost or seen twice.
func TestWrapAround(t *testing.T) {
	r := openRing(t, 4)
	for next := uint64(0); next < 1000; next += 4 {
		for i := range uint64(4) {
			r.Nop(next + i)
		}
		got := collect(t, r, 4)
		for i := range uint64(4) {
			require.Contains(t, got, next+i)
		}
	}
	for range r.Entries() {
		r.Nop(0)
	}
	require.Panics(t, func() { r.Nop(0) })
	require.NoError(t, r.Submit())
	for r.InFlight() > 0 {
		require.NoError(t, r.Wait(time.Second))
		r.Completions(nil)
	}
}

// A wait ends at its limit, and a receive when the peer sends or leaves.
func TestRecvAndLimit(t *testing.T) {
	r := openRing(t, 4)
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	defer unix.Close(pair[0])
	buf := make([]byte, 16)
	r.Recv(pair[0], buf, 7)
	require.NoError(t, r.SubmitAndWait(time.Millisecond))
	require.Empty(t, r.Completions(nil))
	_, err = unix.Write(pair[1], []byte("hello"))
	require.NoError(t, err)
	require.Equal(t, map[uint64]int32{7: 5}, collect(t, r, 1))
	require.Equal(t, "hello", string(buf[:5]))
	r.Recv(pair[0], buf, 8)
	require.NoError(t, r.Submit())
	require.NoError(t, unix.Close(pair[1]))
	require.Equal(t, map[uint64]int32{8: 0}, collect(t, r, 1))
}

func TestNewRefuses(t *testing.T) {
	for _, n := range []int{-1, 0, 3, MaxEntries * 2} {
		_, err := New(n)
		require.Error(t, err, n)
	}
}
