package nbd

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// blockDevicesAllowed says why this machine cannot mount through FUSE and loop devices.
func blockDevicesAllowed() error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("not root")
	}
	for _, device := range []string{"/dev/fuse", "/dev/loop-control"} {
		f, err := os.OpenFile(device, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		f.Close()
	}
	free, err := exec.Command("/usr/sbin/losetup", "-f").CombinedOutput()
	if err != nil {
		return fmt.Errorf("losetup: %s", free)
	}
	return nil
}

// TestFileSystem puts ext4 on an export through nbdfuse and a loop device, with two
// connections, and finds its files again after a remount.
func TestFileSystem(t *testing.T) {
	if err := blockDevicesAllowed(); err != nil {
		t.Logf("NOT RUN: this machine does not allow FUSE and loop devices: %v", err)
		return
	}
	vol := newMemoryExport(128 << 20)
	s := start(t, Options{}, nil, map[string]Export{"vol": vol})
	disk := mountFuse(t, s.uri("vol"))
	succeed(t, "mkfs.ext4", "-F", "-q", "-E", "lazy_itable_init=0", disk)
	fs := mountLoop(t, disk)
	want := writeFiles(t, fs.dir)
	before := vol.stored()
	require.NoError(t, os.RemoveAll(filepath.Join(fs.dir, "dropped")))
	succeed(t, "sync", "-f", fs.dir) // blocks are free once the journal says so
	succeed(t, "fstrim", "-v", fs.dir)
	require.Less(t, vol.stored(), before-5<<20, "the discard reached the export")
	fs.unmount(t)
	succeed(t, "e2fsck", "-fn", disk)

	fs = mountLoop(t, disk)
	for name, sum := range want {
		data, err := os.ReadFile(filepath.Join(fs.dir, name))
		require.NoError(t, err)
		require.Equal(t, sum, sha256.Sum256(data), name)
	}
	fs.unmount(t)
	require.NotZero(t, vol.flushed())
}

// mountFuse shows the export as a file.
func mountFuse(t *testing.T, uri string) string {
	dir := t.TempDir()
	pid := filepath.Join(t.TempDir(), "pid")
	path, err := exec.LookPath("nbdfuse")
	require.NoError(t, err)
	command := exec.Command(path, "-C", "2", "-P", pid, filepath.Join(dir, "disk"), uri)
	var stderr strings.Builder
	command.Stderr = &stderr
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		exec.Command("umount", dir).Run()
		require.NoError(t, command.Wait(), stderr.String())
	})
	require.Eventually(t, func() bool { b, _ := os.ReadFile(pid); return len(b) > 0 }, soon, 10*time.Millisecond)
	return filepath.Join(dir, "disk")
}

// mounted is a file system on a loop device.
type mounted struct{ dir, device string }

func mountLoop(t *testing.T, disk string) *mounted {
	m := &mounted{dir: t.TempDir()}
	m.device = strings.TrimSpace(succeed(t, "losetup", "--find", "--show", disk))
	t.Cleanup(func() { // after a failure
		if m.device != "" {
			exec.Command("umount", m.dir).Run()
			exec.Command("/usr/sbin/losetup", "-d", m.device).Run()
		}
	})
	succeed(t, "mount", m.device, m.dir)
	return m
}

func (m *mounted) unmount(t *testing.T) {
	succeed(t, "umount", m.dir)
	succeed(t, "losetup", "-d", m.device)
	m.device = ""
}

// writeFiles fills a directory, a part of it named dropped, and returns the sums of the rest.
func writeFiles(t *testing.T, dir string) map[string][32]byte {
	sums := map[string][32]byte{}
	put := func(name string, size int) {
		data := make([]byte, size)
		rand.Read(data)
		f, err := os.Create(filepath.Join(dir, name))
		require.NoError(t, err)
		_, err = f.Write(data)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		sums[name] = sha256.Sum256(data)
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "kept"), 0o755))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "dropped"), 0o755))
	put("kept/large", 16<<20)
	for i := range 300 {
		put(fmt.Sprintf("kept/small%d", i), 1+i*17)
	}
	put("dropped/large", 8<<20)
	delete(sums, "dropped/large")
	succeed(t, "sync", "-f", dir)
	return sums
}
