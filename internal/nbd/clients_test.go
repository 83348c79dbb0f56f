package nbd

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// clientTimeout bounds one run of a client program: a hung server must fail the test.
const clientTimeout = time.Minute

// client runs a client program to its end and returns its output and exit status.
func client(t testing.TB, name string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		path, err = exec.LookPath(filepath.Join("/usr/sbin", name))
	}
	require.NoError(t, err, "%s is missing: apt-get install qemu-utils libnbd-bin python3-libnbd fio nbdkit e2fsprogs", name)
	ctx, cancel := context.WithTimeout(context.Background(), clientTimeout)
	defer cancel()
	command := exec.CommandContext(ctx, path, args...)
	command.Dir = t.TempDir() // fio leaves its verify state where it runs
	command.WaitDelay = time.Second
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	err = command.Run()
	require.NoError(t, ctx.Err(), "%s %v timed out\n%s%s", name, args, &out, &errs)
	require.NotNil(t, command.ProcessState, "%s: %v", name, err)
	return out.String(), errs.String(), command.ProcessState.ExitCode()
}

// succeed runs a client program that must exit 0.
func succeed(t testing.TB, name string, args ...string) string {
	t.Helper()
	stdout, stderr, status := client(t, name, args...)
	require.Zero(t, status, "%s %s\n%s%s", name, strings.Join(args, " "), stdout, stderr)
	return stdout
}

// shortDir is a temporary directory with a path short enough for a unix socket.
func shortDir(t testing.TB) string {
	dir, err := os.MkdirTemp("", "nbd")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// started is a server on a unix socket.
type started struct {
	*Server
	registry *memoryRegistry
	socket   string
}

// start serves exports on a unix socket until the test ends, and checks that nothing
// is held then.
func start(t testing.TB, o Options, config *tls.Config, exports map[string]Export) *started {
	t.Helper()
	registry := newMemoryRegistry(exports)
	if o.Registry == nil {
		o.Registry = registry
	}
	s := &started{NewServer(o), registry, filepath.Join(shortDir(t), "nbd.sock")}
	l, err := Listen(context.Background(), "unix:"+s.socket, -1)
	require.NoError(t, err)
	s.serve(t, l, config)
	t.Cleanup(func() {
		require.NoError(t, s.Close())
		require.Zero(t, registry.holding(), "exports not released")
		require.Zero(t, s.Metrics().Connections)
		require.Zero(t, s.Metrics().InFlightBytes)
	})
	return s
}

// serve runs an accept loop until the server is closed.
func (s *started) serve(t testing.TB, l net.Listener, config *tls.Config) {
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background(), l, config) }()
	t.Cleanup(func() {
		require.NoError(t, s.Close())
		require.ErrorIs(t, <-served, ErrServerClosed)
	})
}

// uri names an export for libnbd, qemu and fio.
func (s *started) uri(export string) string { return "nbd+unix:///" + export + "?socket=" + s.socket }
