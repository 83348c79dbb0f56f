package main

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

	"coffer.example/internal/testkit"
)

// TestFileSystem puts ext4 on an encrypted volume through nbdfuse and a loop device,
// trims it, takes a snapshot, kills the daemon, restores the snapshot under a second
// key, and finds the same files there and a clean file system on both.
func TestFileSystem(t *testing.T) {
	if err := loopAllowed(); err != nil {
		t.Logf("NOT RUN: this machine does not allow FUSE and loop devices: %v", err)
		return
	}
	install := testkit.Init(t)
	daemon := testkit.Serve(t, install)
	volume := newAttachedVolume(t, daemon)
	var want map[string][32]byte
	withDisk(t, daemon, volume, func(disk string) {
		testkit.Run(t, "mkfs.ext4", "-F", "-q", "-E", "lazy_itable_init=0", disk)
		withMount(t, disk, func(dir string) {
			want = writeFiles(t, dir)
			require.NoError(t, os.RemoveAll(filepath.Join(dir, "dropped")))
			testkit.Run(t, "sync", "-f", dir)
			testkit.Run(t, "fstrim", "-v", dir)
		})
		testkit.Run(t, "e2fsck", "-fn", disk)
	})
	snapshot := daemon.AWS.Query(t, "SnapshotId", "ec2", "create-snapshot", "--volume-id", volume)
	daemon.AWS.Succeed(t, "ec2", "wait", "snapshot-completed", "--snapshot-ids", snapshot)
	uri := strings.TrimSpace(daemon.Coffer(t, "volume", "uri", volume))
	image := filepath.Join(t.TempDir(), "image")
	testkit.Run(t, "nbdcopy", uri, image)
	testkit.Run(t, "qemu-img", "compare", "-f", "raw", "-F", "raw", image, uri)

	daemon.Kill(t)
	daemon = testkit.Serve(t, install)
	key := daemon.AWS.Query(t, "KeyMetadata.KeyId", "kms", "create-key")
	restored := daemon.AWS.Query(t, "VolumeId", "ec2", "create-volume", "--availability-zone", "us-east-1a",
		"--snapshot-id", snapshot, "--encrypted", "--kms-key-id", key)
	daemon.AWS.Succeed(t, "ec2", "wait", "volume-available", "--volume-ids", restored)
	daemon.Coffer(t, "volume", "attach", restored)
	testkit.Run(t, "qemu-img", "compare", "-f", "raw", "-F", "raw", image, strings.TrimSpace(daemon.Coffer(t, "volume", "uri", restored)))
	withDisk(t, daemon, restored, func(disk string) {
		testkit.Run(t, "e2fsck", "-fn", disk)
		withMount(t, disk, func(dir string) {
			for name, sum := range want {
				data, err := os.ReadFile(filepath.Join(dir, name))
				require.NoError(t, err)
				require.Equal(t, sum, sha256.Sum256(data), name)
			}
		})
	})
	daemon.Coffer(t, "verify")
	daemon.Stop(t)
}

// loopAllowed says why this machine cannot mount through FUSE and loop devices.
func loopAllowed() error {
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
	if out, err := exec.Command("/usr/sbin/losetup", "-f").CombinedOutput(); err != nil {
		return fmt.Errorf("losetup: %s", out)
	}
	return nil
}

// withDisk shows a volume as a file while use runs.
func withDisk(t *testing.T, daemon *testkit.Daemon, volume string, use func(disk string)) {
	t.Helper()
	dir, pid := t.TempDir(), filepath.Join(t.TempDir(), "pid")
	command := exec.Command(testkit.Tool(t, "nbdfuse"), "-P", pid, filepath.Join(dir, "disk"), strings.TrimSpace(daemon.Coffer(t, "volume", "uri", volume)))
	require.NoError(t, command.Start())
	unmount := func() error {
		defer command.Wait() // ends once it is unmounted
		return exec.Command("umount", dir).Run()
	}
	defer func() {
		if t.Failed() {
			_ = unmount()
		}
	}()
	testkit.Eventually(t, 30*time.Second, "the volume is mounted as a file", func() bool {
		b, _ := os.ReadFile(pid)
		return len(b) > 0
	})
	use(filepath.Join(dir, "disk"))
	require.NoError(t, unmount())
}

// withMount mounts a disk file through a loop device while use runs.
func withMount(t *testing.T, disk string, use func(dir string)) {
	t.Helper()
	dir := t.TempDir()
	device := strings.TrimSpace(testkit.Run(t, "losetup", "--find", "--show", disk))
	defer func() {
		if t.Failed() {
			_ = exec.Command("umount", dir).Run()
			_ = exec.Command("/usr/sbin/losetup", "-d", device).Run()
		}
	}()
	testkit.Run(t, "mount", device, dir)
	use(dir)
	testkit.Run(t, "umount", dir)
	testkit.Run(t, "losetup", "-d", device)
}

// writeFiles fills a directory, a part of it named dropped, and returns the sums of the rest.
func writeFiles(t *testing.T, dir string) map[string][32]byte {
	t.Helper()
	sums := map[string][32]byte{}
	put := func(name string, size int) {
		data := make([]byte, size)
		_, _ = rand.Read(data)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o644))
		sums[name] = sha256.Sum256(data)
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "kept"), 0o755))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "dropped"), 0o755))
	put("kept/large", 24<<20)
	for i := range 300 {
		put(fmt.Sprintf("kept/small%d", i), 1+i*17)
	}
	put("dropped/large", 8<<20)
	delete(sums, "dropped/large")
	testkit.Run(t, "sync", "-f", dir)
	return sums
}
