package blockstore

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

// TestWalkerKeepsWrites writes every block of a clone at the moment when its walker has read
// the block's extent and not yet put it back: the write stays.
func TestWalkerKeepsWrites(t *testing.T) {
	watchdog(t)
	const blocks = 24
	faults := newFaultFS(vfs.NewCrashableMem())
	oneByOne := testSeams()
	oneByOne.walkers = 1
	s, err := Open(Options{Dir: "/store", FS: faults, Keys: newTestKeys(), ZoneSlots: 64, JournalBytes: 256 << 10, CacheBytes: -1, seams: oneByOne})
	require.NoError(t, err)
	_, err = s.CreateVolume(ctx, VolumeSpec{ID: "v", Size: GiB, Key: "one"})
	require.NoError(t, err)
	v, err := s.Attach(ctx, "v")
	require.NoError(t, err)
	_, err = v.WriteAt(fill(blocks*BlockSize, 1), 0)
	require.NoError(t, err)
	require.NoError(t, v.Flush(ctx))
	_, err = s.CreateSnapshot(ctx, SnapshotRequest{Volume: "v", ID: "s"})
	require.NoError(t, err)

	start, next := make(chan *Device, 1), atomic.Int64{}
	var clone *Device
	faults.setOp(func(_ int, name fsOp, path string, done bool) error {
		if name != opRead || !isZone(path) || !done {
			return nil
		}
		if clone == nil { // only the walker reads: it waits until the clone is attached
			clone = <-start
		}
		first := (next.Add(1) - 1) * ExtentBlocks
		wrote := make(chan error, 1)
		go func() {
			var err error
			for block := first; block < min(first+ExtentBlocks, blocks) && err == nil; block++ {
				_, err = clone.WriteAt(fill(BlockSize, uint64(100+block)), block*BlockSize)
			}
			wrote <- err
		}()
		select {
		case err := <-wrote:
			return err
		case <-time.After(time.Second): // a round waits for the walker, and the write for the round
			return nil
		}
	})
	_, err = s.CloneSnapshot(ctx, "s", VolumeSpec{ID: "c", Key: "two"})
	require.NoError(t, err)
	c, err := s.Attach(ctx, "c")
	require.NoError(t, err)
	start <- c
	require.Eventually(t, func() bool { return len(s.Walks()) == 0 }, 20*time.Second, time.Millisecond)
	faults.setOp(nil)
	require.EqualValues(t, (blocks+ExtentBlocks-1)/ExtentBlocks, next.Load(), "the walker reads every extent once")
	for block := range int64(blocks) {
		require.Equal(t, fill(BlockSize, uint64(100+block)), readAll(t, c, block*BlockSize, BlockSize), "block %d", block)
	}
	require.NoError(t, s.Close())
}
