package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/internal/nbd"
	"coffer.example/internal/testkit"
)

// faultyDisk is a file behind an NBD server of our own, which fails operations on demand.
// Shown as a file again through FUSE, it is a zone of a real daemon on a bad disk.
type faultyDisk struct {
	file                 *os.File
	size                 int64
	reads, writes, syncs atomic.Bool // fail
	failed               atomic.Int64
}

func (d *faultyDisk) fail(when *atomic.Bool) error {
	if when.Load() {
		d.failed.Add(1)
		return syscall.EIO
	}
	return nil
}

func (d *faultyDisk) Size() int64    { return d.size }
func (d *faultyDisk) ReadOnly() bool { return false }

func (d *faultyDisk) ReadAt(_ context.Context, p []byte, off int64) error {
	if err := d.fail(&d.reads); err != nil {
		return err
	}
	_, err := d.file.ReadAt(p, off)
	return err
}

func (d *faultyDisk) WriteAt(_ context.Context, p []byte, off int64) error {
	if err := d.fail(&d.writes); err != nil {
		return err
	}
	_, err := d.file.WriteAt(p, off)
	return err
}

func (d *faultyDisk) Flush(context.Context) error { return d.fail(&d.syncs) }

func (d *faultyDisk) Trim(context.Context, int64, int64) error { return nil }

func (d *faultyDisk) WriteZeroes(ctx context.Context, off, n int64, _ nbd.ZeroOptions) error {
	return d.WriteAt(ctx, make([]byte, n), off)
}

func (d *faultyDisk) Extents(_ context.Context, _, n int64, fn func(int64, bool, bool) bool) error {
	fn(n, false, false)
	return nil
}

// Open implements nbd.Registry.
func (d *faultyDisk) Open(_ context.Context, name string) (*nbd.Opened, error) {
	return &nbd.Opened{Export: d, Info: nbd.ExportInfo{Name: name}, Release: func() {}}, nil
}

// List implements nbd.Registry.
func (d *faultyDisk) List(context.Context) ([]nbd.ExportInfo, error) { return nil, nil }

// replaceZone puts a faulty disk where the first zone of a stopped daemon is.
func replaceZone(t *testing.T, install testkit.Install) *faultyDisk {
	t.Helper()
	zone, moved := filepath.Join(install.Dir, "data", "00000000.dat"), filepath.Join(t.TempDir(), "zone")
	require.NoError(t, copyFile(zone, moved, -1))
	require.NoError(t, os.Remove(zone))
	file, err := os.OpenFile(moved, os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { file.Close() })
	size, err := file.Seek(0, io.SeekEnd)
	require.NoError(t, err)
	d := &faultyDisk{file: file, size: size}
	socket := filepath.Join(testkit.ShortTempDir(t), "s")
	listener, err := nbd.Listen(context.Background(), "unix:"+socket, -1)
	require.NoError(t, err)
	server := nbd.NewServer(nbd.Options{Registry: d})
	served := make(chan error, 1)
	go func() { served <- server.Serve(context.Background(), listener, nil) }()
	t.Cleanup(func() {
		require.NoError(t, server.Close())
		<-served
	})
	shown := testkit.ShowNBD(t, "nbd+unix:///zone?socket="+socket)
	require.NoError(t, os.Symlink(shown.Path, zone))
	return d
}
