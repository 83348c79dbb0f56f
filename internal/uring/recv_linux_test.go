package uring

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestTryRecv(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	require.NoError(t, err)
	defer unix.Close(pair[0])
	p := make([]byte, 8)
	_, err = TryRecv(pair[0], p)
	require.ErrorIs(t, err, unix.EAGAIN)
	_, err = unix.Write(pair[1], []byte("some"))
	require.NoError(t, err)
	n, err := TryRecv(pair[0], p)
	require.NoError(t, err)
	require.Equal(t, "some", string(p[:n]))
	require.NoError(t, unix.Close(pair[1]))
	n, err = TryRecv(pair[0], p)
	require.NoError(t, err)
	require.Zero(t, n)
}
