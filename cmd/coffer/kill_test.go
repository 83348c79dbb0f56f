package main

import (
	"bytes"
	"encoding/binary"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"coffer.example/internal/testkit"
)

// killRounds is how often TestKilledUnderLoad kills the daemon; make crash asks for more.
var killRounds = flag.Int("kill.rounds", 25, "how often the daemon is killed under load")

const stampSize = 4096

// stamps is what one client knows of the blocks that it has written: what a flush
// covered, and what was sent since.
type stamps struct {
	durable map[int64]uint64   // block -> stamp that a completed flush covers
	since   map[int64][]uint64 // block -> stamps sent since, acknowledged or not
	next    uint64
	flusher *testkit.NBDClient // flushes in place of the client that writes, if set
}

func stampBlock(block int64, stamp uint64) []byte {
	p := make([]byte, stampSize)
	for i := 0; i < len(p); i += 16 {
		binary.BigEndian.PutUint64(p[i:], uint64(block))
		binary.BigEndian.PutUint64(p[i+8:], stamp)
	}
	return p
}

// writeUntilKilled writes and flushes until the connection breaks.
func (s *stamps) writeUntilKilled(client *testkit.NBDClient, rng *rand.Rand) {
	for s.writeAndFlush(client, rng) {
	}
}

// writeAndFlush writes a few blocks and flushes them; false: one of these failed.
func (s *stamps) writeAndFlush(client *testkit.NBDClient, rng *rand.Rand) bool {
	for range 1 + rng.IntN(32) {
		block := rng.Int64N(client.Size / stampSize)
		if rng.IntN(2) == 0 {
			block %= 256 // some blocks are written again and again
		}
		s.next++
		s.since[block] = append(s.since[block], s.next)
		if err := client.WriteAt(stampBlock(block, s.next), block*stampSize); err != nil {
			if strings.Contains(err.Error(), refusedForSpace) {
				s.refuse(block)
			}
			return false
		}
	}
	flusher := client
	if s.flusher != nil {
		flusher = s.flusher
	}
	if flusher.Flush() != nil {
		return false
	}
	for block, sent := range s.since {
		s.durable[block] = sent[len(sent)-1]
	}
	clear(s.since)
	return true
}

// refusedForSpace is how the client says ENOSPC: the write has changed nothing.
const refusedForSpace = "nbd: error 28"

// refuse forgets the last write of a block.
func (s *stamps) refuse(block int64) {
	s.since[block] = s.since[block][:len(s.since[block])-1]
	if len(s.since[block]) == 0 {
		delete(s.since, block)
	}
}

// checkBlocks is how many blocks check reads at once.
const checkBlocks = 256

// check reads what was ever written, and what lies around it: every block must hold, whole,
// what the last flush covered or something that was sent after it.
func (s *stamps) check(t *testing.T, client *testkit.NBDClient) {
	t.Helper()
	ranges := map[int64]bool{}
	for block := range s.durable {
		ranges[block/checkBlocks] = true
	}
	for block := range s.since {
		ranges[block/checkBlocks] = true
	}
	p := make([]byte, checkBlocks*stampSize)
	for r := range ranges {
		require.NoError(t, client.ReadAt(p, r*int64(len(p))), "blocks from %d", r*checkBlocks)
		for i := range int64(checkBlocks) {
			s.checkBlock(t, r*checkBlocks+i, p[i*stampSize:(i+1)*stampSize])
		}
	}
}

func (s *stamps) checkBlock(t *testing.T, block int64, p []byte) {
	t.Helper()
	found := binary.BigEndian.Uint64(p[8:])
	if found != s.durable[block] && !slices.Contains(s.since[block], found) {
		require.Failf(t, "wrong stamp", "block %d has %d, durable is %d, sent since %d", block, found, s.durable[block], s.since[block])
	}
	want := make([]byte, stampSize)
	if found != 0 {
		want = stampBlock(block, found)
		s.durable[block] = found // what a restart shows has been made durable by it
	}
	if !bytes.Equal(want, p) {
		require.Equal(t, want, p, "block %d is torn", block)
	}
}

// TestKilledUnderLoad kills the real daemon under fio's and our own load, again and
// again: what a flush covered is there afterwards, and nothing is torn.
func TestKilledUnderLoad(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))

	install := testkit.Init(t)
	daemon := testkit.Serve(t, install)
	ours, fios := newAttachedVolume(t, daemon), newAttachedVolume(t, daemon)
	known := &stamps{durable: map[int64]uint64{}, since: map[int64][]uint64{}}
	for round := range *killRounds {
		client := dial(t, daemon, ours)
		known.check(t, client)
		clear(known.since)
		known.flusher = nil
		if round%2 == 1 { // a flush covers what every connection was told is written
			known.flusher = dial(t, daemon, ours)
		}
		load := startFio(t, daemon, fios)
		killer := time.AfterFunc(time.Duration(50+rng.IntN(300))*time.Millisecond, func() { daemon.Kill(t) })
		known.writeUntilKilled(client, rng)
		killer.Stop()
		daemon.Kill(t)
		_ = load.Wait() // its server was killed
		t.Logf("round %d: %d blocks durable, %d in doubt", round, len(known.durable), len(known.since))
		daemon = testkit.Serve(t, install)
	}
	known.check(t, dial(t, daemon, ours))
	daemon.Coffer(t, "verify")
	daemon.Stop(t)
}

// newAttachedVolume makes a volume under a new key and attaches it.
func newAttachedVolume(t *testing.T, daemon *testkit.Daemon) string {
	t.Helper()
	key := daemon.AWS.Query(t, "KeyMetadata.KeyId", "kms", "create-key")
	volume := daemon.AWS.Query(t, "VolumeId", "ec2", "create-volume", "--availability-zone", "us-east-1a", "--size", "1", "--encrypted", "--kms-key-id", key)
	daemon.Coffer(t, "volume", "attach", volume)
	return volume
}

func dial(t *testing.T, daemon *testkit.Daemon, volume string) *testkit.NBDClient {
	t.Helper()
	var client *testkit.NBDClient
	testkit.Eventually(t, testkit.ReadyTimeout, "the volume is attached again", func() bool {
		var err error
		client, err = testkit.DialNBD(daemon.NBD, volume)
		return err == nil
	})
	t.Cleanup(func() { _ = client.Close() }) // most are cut before
	return client
}

func startFio(t *testing.T, daemon *testkit.Daemon, volume string) *exec.Cmd {
	t.Helper()
	uri := strings.TrimSpace(daemon.Coffer(t, "volume", "uri", volume))
	load := exec.Command(testkit.Tool(t, "fio"), "--name=load", "--ioengine=nbd", "--uri="+uri, "--rw=randwrite",
		"--bs=4k", "--iodepth=16", "--fsync=64", "--time_based", "--runtime=60", "--output="+os.DevNull)
	load.Dir = t.TempDir()
	require.NoError(t, load.Start())
	return load
}
