package nbd

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/internal/testkit"
)

// TestFileSystem puts ext4 on an export through nbdfuse and a loop device, with two
// connections, and finds its files again after a remount.
func TestFileSystem(t *testing.T) {
	if err := testkit.MountsAllowed(); err != nil {
		t.Logf("NOT RUN: this machine does not allow FUSE and loop devices: %v", err)
		return
	}
	vol := newMemoryExport(128 << 20)
	s := start(t, Options{}, nil, map[string]Export{"vol": vol})
	disk := testkit.ShowNBD(t, s.uri("vol"), "-C", "2")
	testkit.Run(t, "mkfs.ext4", "-F", "-q", "-E", "lazy_itable_init=0", disk.Path)
	fs := testkit.MountLoop(t, disk.Path)
	want := testkit.FillDirectory(t, fs.Dir, 16<<20)
	before := vol.stored()
	require.NoError(t, os.RemoveAll(filepath.Join(fs.Dir, "dropped")))
	testkit.Run(t, "sync", "-f", fs.Dir) // blocks are free once the journal says so
	testkit.Run(t, "fstrim", "-v", fs.Dir)
	require.Less(t, vol.stored(), before-5<<20, "the discard reached the export")
	fs.Unmount(t)
	testkit.Run(t, "e2fsck", "-fn", disk.Path)

	fs = testkit.MountLoop(t, disk.Path)
	testkit.CheckDirectory(t, fs.Dir, want)
	fs.Unmount(t)
	disk.Unmount(t)
	require.NotZero(t, vol.flushed())
}
