package main

import (
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/internal/testkit"
)

// TestBackupUnderLoad backs up a daemon under fio's and our own load, again and again: every
// copy is served with the original's root key, attaches under its anchors, verifies, and holds
// what had been flushed before its backup began, or something younger.
func TestBackupUnderLoad(t *testing.T) {
	install := testkit.Init(t)
	daemon := testkit.Serve(t, install)
	ours, fios := newAttachedVolume(t, daemon), newAttachedVolume(t, daemon)
	known := &stamps{durable: map[int64]uint64{}, since: map[int64][]uint64{}}
	load := startFio(t, daemon, fios)
	client := dial(t, daemon, ours)
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2 {
		for range 20 {
			require.True(t, known.writeAndFlush(client, rng))
		}
		before, stop, ended := maps.Clone(known.durable), make(chan struct{}), make(chan struct{})
		go func() {
			defer close(ended)
			for {
				select {
				case <-stop:
					return
				default:
					if !known.writeAndFlush(client, rng) {
						t.Error("the load was cut")
						return
					}
				}
			}
		}()
		copied := testkit.Install{Dir: filepath.Join(testkit.ShortTempDir(t), "copy"), RootKey: install.RootKey, AWS: install.AWS}
		daemon.Coffer(t, "backup", copied.Dir)
		close(stop)
		<-ended
		checkCopy(t, copied, ours, before)
	}
	require.NoError(t, load.Process.Kill())
	_ = load.Wait() // it was killed
	daemon.Stop(t)
}

// checkCopy serves a copy and reads what must be in it.
func checkCopy(t *testing.T, copied testkit.Install, volume string, before map[int64]uint64) {
	t.Helper()
	daemon := testkit.Serve(t, copied)
	client := dial(t, daemon, volume)
	for block, stamp := range before {
		p := make([]byte, stampSize)
		require.NoError(t, client.ReadAt(p, block*stampSize))
		found := binary.BigEndian.Uint64(p[8:])
		require.GreaterOrEqual(t, found, stamp, "block %d", block)
		require.Equal(t, stampBlock(block, found), p, "block %d is torn", block)
	}
	daemon.Coffer(t, "verify")
	require.NoError(t, client.WriteAt(stampBlock(0, 1), 0))
	require.NoError(t, client.Flush())
	daemon.Stop(t)
}
