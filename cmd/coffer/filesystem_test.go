package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/internal/testkit"
)

// TestFileSystem puts ext4 on an encrypted volume through nbdfuse and a loop device,
// trims it, takes a snapshot, kills the daemon, restores the snapshot under a second
// key, and finds the same files there and a clean file system on both.
func TestFileSystem(t *testing.T) {
	if err := testkit.MountsAllowed(); err != nil {
		t.Logf("NOT RUN: this machine does not allow FUSE and loop devices: %v", err)
		return
	}
	install := testkit.Init(t)
	daemon := testkit.Serve(t, install)
	volume := newAttachedVolume(t, daemon)
	disk := showVolume(t, daemon, volume)
	testkit.Run(t, "mkfs.ext4", "-F", "-q", "-E", "lazy_itable_init=0", disk.Path)
	fs := testkit.MountLoop(t, disk.Path)
	want := testkit.FillDirectory(t, fs.Dir, 24<<20)
	require.NoError(t, os.RemoveAll(filepath.Join(fs.Dir, "dropped")))
	testkit.Run(t, "sync", "-f", fs.Dir)
	testkit.Run(t, "fstrim", "-v", fs.Dir)
	fs.Unmount(t)
	testkit.Run(t, "e2fsck", "-fn", disk.Path)
	disk.Unmount(t)
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
	disk = showVolume(t, daemon, restored)
	testkit.Run(t, "e2fsck", "-fn", disk.Path)
	fs = testkit.MountLoop(t, disk.Path)
	testkit.CheckDirectory(t, fs.Dir, want)
	fs.Unmount(t)
	disk.Unmount(t)
	daemon.Coffer(t, "verify")
	daemon.Stop(t)
}

// showVolume shows an attached volume as a file.
func showVolume(t *testing.T, daemon *testkit.Daemon, volume string) *testkit.FuseFile {
	t.Helper()
	return testkit.ShowNBD(t, strings.TrimSpace(daemon.Coffer(t, "volume", "uri", volume)))
}
