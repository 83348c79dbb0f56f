package main

import (
	"context"
	"crypto/tls"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/internal/nbd"
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
	listener, err := nbd.Listen(t.Context(), "unix:"+d.file(controlName), noGroup)
	require.NoError(t, err)
	serving := httpServer(server.server, listener)
	done := make(chan error, 1)
	go func() { done <- serving.serve() }()
	t.Cleanup(func() {
		require.NoError(t, serving.shutdown(context.Background()))
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

func TestExposedListenersAreRefused(t *testing.T) {
	for address, ok := range map[string]bool{"127.0.0.1:0": true, "localhost:0": true, "[::1]:0": true, "0.0.0.0:0": false, ":0": false, "192.0.2.1:0": false} {
		require.Equal(t, ok, isLoopback(address), address)
	}
	_, _, err := listenHTTP("--api", "0.0.0.0:0", nil, false)
	require.ErrorAs(t, err, new(usageError))
	listener, url, err := listenHTTP("--api", "0.0.0.0:0", nil, true)
	require.NoError(t, err)
	require.Contains(t, url, "http://")
	require.NoError(t, listener.Close())
	_, _, err = listenBlocks(t.Context(), "0.0.0.0:0", noGroup, &tls.Config{}, false)
	require.ErrorAs(t, err, new(usageError), "NBD beyond loopback wants client certificates")
	_, _, err = listenBlocks(t.Context(), "unix:/"+strings.Repeat("x", 200), noGroup, nil, false)
	require.ErrorContains(t, err, "too long for a unix socket")
}
