package blockstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const backupBlocks = 500

// backupLoad overwrites, flushes and trims one volume, and knows which version of each block a flush covers.
type backupLoad struct {
	d  *Device
	mu sync.Mutex // guards durable
	// durable is the newest version of each block that a completed flush covers.
	durable [backupBlocks]uint64
}

// versionBlock is a block that says which one it is and which version.
func versionBlock(block int64, version uint64) []byte {
	p := bytes.Repeat([]byte{byte(version)}, BlockSize)
	binary.BigEndian.PutUint64(p, uint64(block))
	binary.BigEndian.PutUint64(p[8:], version)
	return p
}

// run goes on until stop; versions only rise.
func (l *backupLoad) run(t *testing.T, stop <-chan struct{}) {
	r := rand.New(rand.NewPCG(3, 4))
	for version := uint64(1); ; {
		select {
		case <-stop:
			return
		default:
		}
		wrote := map[int64]uint64{}
		for range 1 + r.IntN(20) {
			version++
			block := r.Int64N(backupBlocks)
			_, err := l.d.WriteAt(versionBlock(block, version), block*BlockSize)
			require.NoError(t, err)
			wrote[block] = version
		}
		require.NoError(t, l.d.Flush(ctx))
		l.mu.Lock()
		for block, version := range wrote {
			l.durable[block] = version
		}
		l.mu.Unlock()
	}
}

// await returns when more has been flushed than was.
func (l *backupLoad) await(was [backupBlocks]uint64) {
	for l.flushed() == was {
		time.Sleep(time.Millisecond)
	}
}

func (l *backupLoad) flushed() [backupBlocks]uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.durable
}

// checkBackup opens a copy with anchors of its moment and requires every block to hold, whole, what had
// been flushed when the backup began, or something younger.
func checkBackup(t *testing.T, h *history, dir string, anchors map[string][]byte, before [backupBlocks]uint64) {
	t.Helper()
	s, err := Open(Options{Dir: dir, FS: h.fs, Keys: h.keys.fork(anchors), ZoneSlots: 64})
	require.NoError(t, err)
	require.Empty(t, s.Damage())
	r, err := s.Verify(ctx, VerifyOptions{})
	require.NoError(t, err)
	require.True(t, r.Clean(), "%v", r.Problems)
	d, err := s.Attach(ctx, "v")
	require.NoError(t, err)
	for block, version := range before {
		p := readAll(t, d, int64(block)*BlockSize, BlockSize)
		found := binary.BigEndian.Uint64(p[8:])
		require.GreaterOrEqual(t, found, version, "block %d", block)
		if found > 0 {
			require.Equal(t, versionBlock(int64(block), found), p, "block %d is torn", block)
		}
	}
	_, err = d.WriteAt(fill(64*BlockSize, 9), 0)
	require.NoError(t, err)
	require.NoError(t, d.Detach(ctx))
	require.NoError(t, s.Close())
}

// Backups under a load that overwrites every slot again and again: each opens with the
// anchors of its moment, and shows what had been flushed before it.
func TestBackupUnderLoad(t *testing.T) {
	watch := watchdog(t)
	h := newHistoryStore(t, Options{})
	_, err := h.s.CreateVolume(ctx, VolumeSpec{ID: "v", Size: GiB, Key: "one"})
	require.NoError(t, err)
	load := &backupLoad{}
	load.d, err = h.s.Attach(ctx, "v")
	require.NoError(t, err)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { load.run(t, stop) })
	load.await([backupBlocks]uint64{})
	for i := range 6 {
		watch.Reset(watchdogTime)
		before, anchors := load.flushed(), h.keys.copyAnchors()
		scratch, dir := "/scratch"+string(rune('a'+i)), "/copy"+string(rune('a'+i))
		b, err := h.s.BeginBackup(scratch)
		require.NoError(t, err)
		if i%2 == 0 { // much is overwritten between the moment and the copy
			load.await(before)
			_, err := h.s.CreateSnapshot(ctx, SnapshotRequest{Volume: "v", ID: "s"})
			require.NoError(t, err)
			require.NoError(t, h.s.DeleteSnapshot(ctx, "s"))
		}
		shown := int64(0)
		require.NoError(t, b.Copy(ctx, dir, func(done, total int64) { shown = done; require.LessOrEqual(t, done, total) }))
		require.NotZero(t, shown)
		require.NoError(t, b.Close())
		require.NoError(t, h.fs.RemoveAll(scratch))
		checkBackup(t, h, dir, anchors, before)
	}
	close(stop)
	wg.Wait()
	h.settle()
	require.NoError(t, h.s.Close())
}

// While a backup lasts its slots are not reused; when it ends they are free, and a store that
// closes ends it.
func TestBackupKeepsSlots(t *testing.T) {
	watchdog(t)
	h, d := newPool(t)
	half := int64(poolSlots / 2)
	_, err := d.WriteAt(fill(int(half)*BlockSize, 1), 0)
	require.NoError(t, err)
	require.NoError(t, d.Flush(ctx))
	b, err := h.s.BeginBackup("/scratch")
	require.NoError(t, err)
	require.NoError(t, d.Trim(ctx, 0, GiB))
	require.EqualValues(t, half, fillPool(t, d), "half of the pool is the backup's")
	require.EqualValues(t, half, h.s.Metrics().DeadSlots)
	require.NoError(t, b.Close())
	require.NoError(t, d.Trim(ctx, 0, GiB))
	require.EqualValues(t, poolSlots, fillPool(t, d))

	b, err = h.s.BeginBackup("/scratch2")
	require.NoError(t, err)
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	require.ErrorIs(t, b.Copy(canceled, "/copy", nil), context.Canceled)
	closed := make(chan error)
	go func() { closed <- h.s.Close() }()
	<-h.s.stop
	require.ErrorIs(t, b.Copy(ctx, "/copy2", nil), ErrDetached)
	require.NoError(t, b.Close())
	require.NoError(t, <-closed)
	_, err = h.s.BeginBackup("/scratch3")
	require.Error(t, err)
}
