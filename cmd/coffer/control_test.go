package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/internal/testkit"
)

// serveControl serves a control socket in a new data directory and returns the directory.
func serveControl(t *testing.T, add func(*controlServer)) string {
	t.Helper()
	path := filepath.Join(testkit.ShortTempDir(t), "data")
	d, err := createDirectory(path, false)
	require.NoError(t, err)
	require.NoError(t, d.finish())
	server := newControlServer()
	add(server)
	listener, err := listenUnix(d.file(controlName), "")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- server.serve(listener) }()
	t.Cleanup(func() {
		require.NoError(t, server.server.Shutdown(context.Background()))
		require.NoError(t, <-done)
		require.NoError(t, d.release())
	})
	return path
}

func TestControlCall(t *testing.T) {
	dir := serveControl(t, func(c *controlServer) {
		control(c, "greet", func(_ context.Context, in volumeCall) (volumeAnswer, error) {
			if in.Volume == "" {
				return volumeAnswer{}, errors.New("no volume")
			}
			return volumeAnswer{Volume: in.Volume, URI: "nbd://"}, nil
		})
	})
	answer, err := ask[volumeAnswer](t.Context(), dir, "greet", volumeCall{Volume: "vol-1"})
	require.NoError(t, err)
	require.Equal(t, volumeAnswer{Volume: "vol-1", URI: "nbd://"}, answer)
	_, err = ask[volumeAnswer](t.Context(), dir, "greet", volumeCall{})
	require.EqualError(t, err, "no volume")
	_, err = ask[volumeAnswer](t.Context(), dir, "unknown", none{})
	require.ErrorContains(t, err, "404")
}

func TestControlStream(t *testing.T) {
	dir := serveControl(t, func(c *controlServer) {
		controlStream(c, "count", func(_ context.Context, in int, emit func(int) error) error {
			for i := range in {
				if err := emit(i); err != nil {
					return err
				}
			}
			if in > 3 {
				return errors.New("too many")
			}
			return nil
		})
	})
	for in, want := range map[int]string{0: "", 3: "", 4: "too many"} {
		seen := 0
		err := askStream(t.Context(), dir, "count", in, func(item int) error {
			require.Equal(t, seen, item)
			seen++
			return nil
		})
		require.Equal(t, in, seen)
		if want == "" {
			require.NoError(t, err)
		} else {
			require.EqualError(t, err, want)
		}
	}
}

func TestNoDaemon(t *testing.T) {
	_, err := ask[none](t.Context(), newDirectory(t), "status", none{})
	require.ErrorIs(t, err, errNoDaemon)
	_, err = ask[none](t.Context(), t.TempDir(), "status", none{})
	require.ErrorIs(t, err, errNotData)
}

func TestSocketsArePrivate(t *testing.T) {
	path := filepath.Join(testkit.ShortTempDir(t), "s.sock")
	for range 2 { // the second time it replaces the file that the first left behind
		listener, err := listenUnix(path, "")
		require.NoError(t, err)
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, socketMode, info.Mode().Perm())
		listener.(interface{ SetUnlinkOnClose(bool) }).SetUnlinkOnClose(false)
		require.NoError(t, listener.Close())
	}
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	_, err := listenUnix(path, "")
	require.ErrorContains(t, err, "not a socket")
}

func TestSharedSocket(t *testing.T) {
	path := filepath.Join(testkit.ShortTempDir(t), "s.sock")
	listener, err := listenUnix(path, "0")
	if os.Getuid() != 0 {
		require.Error(t, err)
		return
	}
	require.NoError(t, err)
	defer listener.Close()
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o660), info.Mode().Perm())
}

func TestExposedListenersAreRefused(t *testing.T) {
	for address, ok := range map[string]bool{"127.0.0.1:0": true, "localhost:0": true, "[::1]:0": true, "0.0.0.0:0": false, ":0": false, "192.0.2.1:0": false} {
		require.Equal(t, ok, isLoopback(address), address)
	}
	_, err := listenTCP("--api", "0.0.0.0:0", nil, false)
	require.ErrorAs(t, err, new(usageError))
	listener, err := listenTCP("--api", "0.0.0.0:0", nil, true)
	require.NoError(t, err)
	require.NoError(t, listener.Close())
}

func TestHosts(t *testing.T) {
	for host, ok := range map[string]bool{
		"localhost:4566": true, "127.0.0.1:4566": true, "[::1]:4566": true, "x.localhost": true, "LOCALHOST": true,
		"evil.example": false, "localhost.evil.example": false, "10.0.0.1": false, "": false,
		"store.example:1": true, "a.store.example": true, "astore.example": false,
	} {
		require.Equal(t, ok, allowedHost(hostOnly(host), []string{"store.example"}), host)
	}
}
