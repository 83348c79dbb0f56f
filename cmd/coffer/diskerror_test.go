package main

import (
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"coffer.example/internal/testkit"
)

// diskRounds is how many kills of a daemon on a bad or full disk stand for one on a good one.
const diskRounds = 8

// newFaultyDaemon serves two attached volumes with flushed content from a disk that can fail.
// It returns nil where the machine has no FUSE.
func newFaultyDaemon(t *testing.T) (daemon *testkit.Daemon, disk *faultyDisk, volumes [2]string, known *stamps) {
	if err := testkit.MountsAllowed(); err != nil {
		t.Logf("NOT RUN: this machine does not allow FUSE and loop devices: %v", err)
		return nil, nil, volumes, nil
	}
	install := testkit.Init(t)
	daemon = testkit.Serve(t, install)
	volumes = [2]string{newAttachedVolume(t, daemon), newAttachedVolume(t, daemon)}
	known = &stamps{durable: map[int64]uint64{}, since: map[int64][]uint64{}}
	client := dial(t, daemon, volumes[0])
	require.True(t, known.writeAndFlush(client, rand.New(rand.NewPCG(1, 1))))
	other := dial(t, daemon, volumes[1])
	require.NoError(t, other.WriteAt(stampBlock(0, 1), 0))
	require.NoError(t, other.Flush())
	daemon.Stop(t)
	disk = replaceZone(t, install)
	return testkit.Serve(t, install), disk, volumes, known
}

// livesOn requires that the daemon's keys and API work, and that metrics and the API tell what has failed.
func livesOn(t *testing.T, daemon *testkit.Daemon, volume, metric string) {
	t.Helper()
	daemon.AWS.Query(t, "KeyMetadata.KeyId", "kms", "create-key")
	metrics := testkit.Run(t, "curl", "-sS", daemon.Admin+"/metrics")
	require.Regexp(t, `(?m)^`+metric+` [1-9]`, metrics)
	require.Equal(t, "impaired", daemon.AWS.Query(t, "VolumeStatuses[0].VolumeStatus.Status", "ec2", "describe-volume-status", "--volume-ids", volume))
}

// TestDiskWriteError: a failed device write fails its volume and no other; what was flushed is there
// when the volume is attached again, also what the journal alone has.
func TestDiskWriteError(t *testing.T) {
	daemon, disk, volumes, known := newFaultyDaemon(t)
	if daemon == nil {
		return
	}
	client, rng := dial(t, daemon, volumes[0]), rand.New(rand.NewPCG(2, 2))
	require.True(t, known.writeAndFlush(client, rng))
	disk.writes.Store(true)
	require.True(t, known.writeAndFlush(client, rng), "the journal has what is small")
	require.Eventually(t, func() bool { return disk.failed.Load() > 0 }, 10*time.Second, 10*time.Millisecond, "its slots are written soon after")
	told := func() bool { return !known.writeAndFlush(client, rng) }
	require.Eventually(t, told, 10*time.Second, 10*time.Millisecond, "a flush must tell")
	require.NotZero(t, disk.failed.Load())
	require.ErrorContains(t, client.ReadAt(make([]byte, stampSize), 0), "error 5")
	livesOn(t, daemon, volumes[0], "coffer_store_volume_failures_total")
	other := dial(t, daemon, volumes[1])
	require.NoError(t, other.ReadAt(make([]byte, stampSize), 0), "the other volume goes on")
	disk.writes.Store(false)
	require.NoError(t, other.WriteAt(stampBlock(1, 2), stampSize))
	require.NoError(t, other.Flush())
	require.NoError(t, client.Close())
	// Its last flush fails, and is told; it is detached nevertheless.
	testkit.Command{Name: "coffer", Args: []string{"volume", "detach", "--data-dir", daemon.Dir, volumes[0]}}.Do(t)
	daemon.Coffer(t, "volume", "attach", volumes[0])
	known.check(t, dial(t, daemon, volumes[0]))
	daemon.Coffer(t, "verify")
	daemon.Kill(t)
}

// TestDiskSyncError: a failed sync fails the zone and every volume with unsynced blocks in it;
// other zones take new blocks, and what was flushed is there after a restart.
func TestDiskSyncError(t *testing.T) {
	daemon, disk, volumes, known := newFaultyDaemon(t)
	if daemon == nil {
		return
	}
	client, rng := dial(t, daemon, volumes[0]), rand.New(rand.NewPCG(3, 3))
	disk.syncs.Store(true)
	require.True(t, known.writeAndFlush(client, rng), "the journal has what is small")
	require.NoError(t, client.WriteAt(make([]byte, 1<<20), 512<<20)) // no block of the test's
	require.False(t, known.writeAndFlush(client, rng))
	disk.syncs.Store(false)
	livesOn(t, daemon, volumes[0], "coffer_store_zone_failures_total")
	other := dial(t, daemon, volumes[1])
	require.NoError(t, other.WriteAt(stampBlock(1, 2), stampSize))
	require.NoError(t, other.Flush(), "in another zone")
	daemon.Kill(t)
	daemon = testkit.Serve(t, daemon.Install)
	known.check(t, dial(t, daemon, volumes[0]))
	p := make([]byte, stampSize)
	require.NoError(t, dial(t, daemon, volumes[1]).ReadAt(p, stampSize))
	require.Equal(t, stampBlock(1, 2), p)
	daemon.Coffer(t, "verify")
	daemon.Kill(t)
}

// TestDiskReadError: a read that the disk refuses fails, and nothing else does.
func TestDiskReadError(t *testing.T) {
	daemon, disk, volumes, known := newFaultyDaemon(t)
	if daemon == nil {
		return
	}
	client := dial(t, daemon, volumes[0])
	disk.reads.Store(true)
	for block := range known.durable {
		require.ErrorContains(t, client.ReadAt(make([]byte, stampSize), block*stampSize), "error 5")
	}
	disk.reads.Store(false)
	known.check(t, client)
	require.True(t, known.writeAndFlush(client, rand.New(rand.NewPCG(4, 4))))
	daemon.Kill(t)
}

// TestKilledOnBadDisk lets writes or syncs fail under load and then kills the daemon, again and
// again: every flush that was acknowledged is there afterwards.
func TestKilledOnBadDisk(t *testing.T) {
	daemon, disk, volumes, known := newFaultyDaemon(t)
	if daemon == nil {
		return
	}
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	for range max(2, *killRounds/diskRounds) {
		client := dial(t, daemon, volumes[0])
		known.check(t, client)
		clear(known.since)
		fault := []*atomic.Bool{&disk.writes, &disk.syncs}[rng.IntN(2)]
		trigger := time.AfterFunc(time.Duration(20+rng.IntN(200))*time.Millisecond, func() { fault.Store(true) })
		known.writeUntilKilled(client, rng) // until an error
		trigger.Stop()
		daemon.Kill(t)
		fault.Store(false)
		daemon = testkit.Serve(t, daemon.Install)
	}
	known.check(t, dial(t, daemon, volumes[0]))
	daemon.Coffer(t, "verify")
	daemon.Kill(t)
}

// TestDiskFull fills the disk below a daemon: writes answer ENOSPC before they are acknowledged,
// reads, flushes and keys go on, and writes again when there is space. Then it takes the last
// byte under load and kills the daemon: every acknowledged flush is there afterwards.
func TestDiskFull(t *testing.T) {
	if err := testkit.MountsAllowed(); err != nil {
		t.Logf("NOT RUN: this machine does not allow FUSE and loop devices: %v", err)
		return
	}
	disk := testkit.NewSmallDisk(t, 2000<<20)
	install := testkit.InitAt(t, disk.Dir+"/data", "--root-key-file", disk.Dir+"/root.key")
	daemon := testkit.Serve(t, install)
	volume := newAttachedVolume(t, daemon)
	known := &stamps{durable: map[int64]uint64{}, since: map[int64][]uint64{}}
	client, rng := dial(t, daemon, volume), rand.New(rand.NewPCG(5, 5))
	require.True(t, known.writeAndFlush(client, rng))

	disk.Fill(t, 200<<20)
	testkit.Eventually(t, 10*time.Second, "writes are refused", func() bool {
		err := client.WriteAt(stampBlock(0, known.next), 0)
		known.since[0] = append(known.since[0], known.next)
		return err != nil && strings.Contains(err.Error(), refusedForSpace)
	})
	require.NoError(t, client.Flush())
	known.check(t, client)
	clear(known.since)
	daemon.AWS.Query(t, "KeyMetadata.KeyId", "kms", "create-key")
	require.Contains(t, daemon.Coffer(t, "status"), "DISK FULL")
	disk.Free(t)
	testkit.Eventually(t, 10*time.Second, "writes are taken again", func() bool { return known.writeAndFlush(client, rng) })

	for range max(2, *killRounds/diskRounds) {
		filled := make(chan struct{})
		go func() {
			defer close(filled)
			time.Sleep(time.Duration(20+rand.IntN(100)) * time.Millisecond)
			disk.Fill(t, 0)
		}()
		known.writeUntilKilled(client, rng) // until an error
		<-filled
		daemon.Kill(t)
		disk.Free(t)
		daemon = testkit.Serve(t, install)
		client = dial(t, daemon, volume)
		known.check(t, client)
		clear(known.since)
	}
	daemon.Coffer(t, "verify")
	daemon.Stop(t)
}
