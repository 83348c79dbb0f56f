package nbd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// unixPrefix marks the address of a unix socket.
const unixPrefix = "unix:"

// dialStale bounds the question whether a socket that exists is served.
const dialStale = time.Second

// ErrAddressInUse is a unix socket that another process serves.
var ErrAddressInUse = errors.New("address in use")

// Listen listens on an address: "unix:PATH", or HOST:PORT for TCP. A unix socket has
// mode 0600, or 0660 and the given group; group -1 is none.
func Listen(ctx context.Context, address string, group int) (net.Listener, error) {
	if path, ok := strings.CutPrefix(address, unixPrefix); ok {
		return listenUnix(ctx, path, group)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address) // keep-alive is on by default
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return l, nil
}

// listenUnix binds in a private directory and renames the socket into place when its
// mode and group are right: there is no moment at which others could connect, and a
// stale socket is replaced in one step.
func listenUnix(ctx context.Context, path string, group int) (net.Listener, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("listen on %s: the path of a unix socket has at most %d bytes", path, maxSocketPath)
	}
	if err := checkStale(path); err != nil {
		return nil, err
	}
	private, err := os.MkdirTemp(filepath.Dir(path), ".s")
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	defer os.RemoveAll(private)
	bound := filepath.Join(private, "s")
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", bound)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // the name it knows is gone
	if err := place(bound, path, group); err != nil {
		l.Close()
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	info, err := os.Lstat(path)
	if err != nil {
		l.Close()
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	return &unixListener{l, path, info}, nil
}

// checkStale refuses a path that is no socket, or a socket that somebody serves.
func checkStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("listen on %s: exists and is no socket", path)
	}
	nc, err := net.DialTimeout("unix", path, dialStale)
	if err == nil {
		nc.Close()
		return fmt.Errorf("listen on %s: %w", path, ErrAddressInUse)
	}
	return nil
}

func place(bound, path string, group int) error {
	mode := fs.FileMode(0o600)
	if group >= 0 {
		if err := os.Chown(bound, -1, group); err != nil {
			return err
		}
		mode = 0o660
	}
	if err := os.Chmod(bound, mode); err != nil {
		return err
	}
	return os.Rename(bound, path)
}

// unixListener removes its socket on Close, unless another has taken the name.
type unixListener struct {
	net.Listener
	path string
	info fs.FileInfo
}

func (l *unixListener) Close() error {
	if info, err := os.Lstat(l.path); err == nil && os.SameFile(info, l.info) {
		os.Remove(l.path)
	}
	return l.Listener.Close()
}
