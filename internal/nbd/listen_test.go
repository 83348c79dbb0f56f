package nbd

import (
	"context"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// serveAs is the environment variable that makes the test binary a server: "stdio"
// serves one connection on standard input and output, "activated" the inherited sockets.
const serveAs = "NBD_TEST_SERVE_AS"

func TestMain(m *testing.M) {
	if how := os.Getenv(serveAs); how != "" {
		os.Exit(serveChild(how))
	}
	os.Exit(m.Run())
}

func serveChild(how string) int {
	s := NewServer(Options{Registry: newMemoryRegistry(map[string]Export{"vol": newMemoryExport(3 << 20)})})
	if how == "stdio" {
		nc, err := Stdio(os.Stdin, os.Stdout)
		if err != nil || s.ServeConn(context.Background(), nc, nil) != nil {
			return 1
		}
		return 0
	}
	listeners, err := Inherited(os.Getenv)
	if err != nil || len(listeners) != 1 {
		return 1
	}
	nc, err := listeners[0].Accept()
	if err != nil || s.ServeConn(context.Background(), nc, nil) != nil {
		return 1
	}
	return 0
}

// TestSocketActivation and TestStdio have libnbd start the server: brackets pass a
// listening socket as LISTEN_FDS, connect_command standard input and output.
func TestSocketActivation(t *testing.T) {
	t.Setenv(serveAs, "activated")
	self, err := os.Executable()
	require.NoError(t, err)
	require.Equal(t, "3145728\n", succeed(t, "nbdinfo", "--size", "--", "[", self, "]"))
	image := filepath.Join(t.TempDir(), "image")
	succeed(t, "nbdcopy", "--", "[", self, "]", image)
	info, err := os.Stat(image)
	require.NoError(t, err)
	require.EqualValues(t, 3<<20, info.Size())
}

func TestStdio(t *testing.T) {
	t.Setenv(serveAs, "stdio")
	self, err := os.Executable()
	require.NoError(t, err)
	script := filepath.Join(t.TempDir(), "script.py")
	require.NoError(t, os.WriteFile(script, []byte(`
import nbd, sys, subprocess
h = nbd.NBD()
h.connect_command(sys.argv[1:])
h.pwrite(b"s" * 100000, 1)
assert h.pread(100002, 0) == b"\0" + b"s" * 100000 + b"\0"
h.shutdown()
# two pipes instead of a socket
p = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
assert p.stdout.read(18)[:16] == b"NBDMAGICIHAVEOPT"
p.stdin.write(b"\0\0\0\1IHAVEOPT\0\0\0\2\0\0\0\0")
p.stdin.flush()
assert len(p.stdout.read(20)) == 20
assert p.wait() == 0
`), 0o600))
	succeed(t, systemPython, script, self)
}

func TestInherited(t *testing.T) {
	pid := strconv.Itoa(os.Getpid())
	for _, env := range []map[string]string{{}, {"LISTEN_FDS": "1"}, {"LISTEN_FDS": "1", "LISTEN_PID": "1"}, {"LISTEN_PID": pid}} {
		listeners, err := Inherited(func(name string) string { return env[name] })
		require.NoError(t, err)
		require.Empty(t, listeners, "not meant for this process: %v", env)
	}
	for _, n := range []string{"x", "0", "-1", "65"} {
		env := map[string]string{"LISTEN_FDS": n, "LISTEN_PID": pid}
		_, err := Inherited(func(name string) string { return env[name] })
		require.Error(t, err)
	}
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(shortDir(t), "nbd.sock")
	mode := func() fs.FileMode {
		info, err := os.Stat(path)
		require.NoError(t, err)
		return info.Mode()
	}
	l, err := Listen(t.Context(), "unix:"+path, -1)
	require.NoError(t, err)
	require.Equal(t, fs.ModeSocket|0o600, mode())
	_, err = Listen(t.Context(), "unix:"+path, -1)
	require.ErrorIs(t, err, ErrAddressInUse)
	require.NoError(t, l.Close())
	_, err = os.Stat(path)
	require.ErrorIs(t, err, fs.ErrNotExist)

	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	require.NoError(t, err)
	stale.SetUnlinkOnClose(false)
	stale.Close()
	first, err := Listen(t.Context(), "unix:"+path, os.Getgid())
	require.NoError(t, err, "a stale socket is replaced")
	require.Equal(t, fs.ModeSocket|0o660, mode())

	require.NoError(t, os.Remove(path))
	second, err := Listen(t.Context(), "unix:"+path, -1)
	require.NoError(t, err)
	require.NoError(t, first.Close())
	require.Equal(t, fs.ModeSocket|0o600, mode(), "the socket of another listener stays")
	require.NoError(t, second.Close())

	require.NoError(t, os.WriteFile(path, []byte("precious"), 0o600))
	_, err = Listen(t.Context(), "unix:"+path, -1)
	require.Error(t, err)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "precious", string(content))
	_, err = Listen(t.Context(), "unix:"+strings.Repeat("x", 200), -1)
	require.Error(t, err)
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".s*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestTCP(t *testing.T) {
	s := start(t, Options{}, nil, oneVolume(t))
	l, err := Listen(t.Context(), "127.0.0.1:0", -1)
	require.NoError(t, err)
	s.serve(t, l, nil)
	require.Equal(t, "1048576\n", succeed(t, "nbdinfo", "--size", "nbd://"+l.Addr().String()+"/vol"))
	_, err = Listen(t.Context(), l.Addr().String(), -1)
	require.Error(t, err)
}
