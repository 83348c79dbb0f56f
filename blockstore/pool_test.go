package blockstore

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// poolSlots is the size of the pool in these tests: four zones.
const poolSlots = 4 * 64

func newPool(t *testing.T) (*history, *Device) {
	watchdog(t)
	h := newHistoryStore(t, Options{MaxBytes: poolSlots * BlockSize})
	_, err := h.s.CreateVolume(ctx, VolumeSpec{ID: "v", Size: GiB, Key: "one"})
	require.NoError(t, err)
	d, err := h.s.Attach(ctx, "v")
	require.NoError(t, err)
	return h, d
}

// fillPool writes blocks from 0 on until the pool is full, and returns how many fit.
func fillPool(t *testing.T, d *Device) int64 {
	for block := int64(0); ; block++ {
		if _, err := d.WriteAt(fill(BlockSize, uint64(block)), block*BlockSize); err != nil {
			require.ErrorIs(t, err, ErrNoSpace)
			return block
		}
	}
}

// A full pool refuses the write that does not fit and keeps all that it has acknowledged,
// over a crash too; overwriting goes on with what rounds give back, and trimming makes room again.
func TestPoolLimit(t *testing.T) {
	h, d := newPool(t)
	n := fillPool(t, d)
	require.EqualValues(t, poolSlots, n)
	require.NoError(t, d.Flush(ctx))
	before := h.s.Metrics()
	require.Zero(t, before.FreeSlots)
	_, err := d.WriteAt(fill(8*BlockSize, 1), n*BlockSize)
	require.ErrorIs(t, err, ErrNoSpace)
	require.Equal(t, make([]byte, BlockSize), readAll(t, d, n*BlockSize, BlockSize), "nothing of it was written")

	require.NoError(t, d.Trim(ctx, 0, 16*BlockSize))
	for i := range int64(100) { // far more than was freed, one after the other
		block := 16 + i%32
		_, err := d.WriteAt(fill(BlockSize, uint64(1000+i)), block*BlockSize)
		require.NoError(t, err)
	}
	h.restart(true)
	d, err = h.s.Attach(ctx, "v")
	require.NoError(t, err)
	for block := int64(48); block < n; block++ {
		require.Equal(t, fill(BlockSize, uint64(block)), readAll(t, d, block*BlockSize, BlockSize), "block %d", block)
	}
	require.NoError(t, d.Trim(ctx, 0, GiB))
	require.EqualValues(t, poolSlots, fillPool(t, d), "all of it is free again")
	require.NoError(t, d.Flush(ctx))
	h.settle()
	require.NoError(t, h.s.Close())
}

// Writers at the limit either succeed or get ErrNoSpace; none hangs, and the volume stays whole.
func TestPoolLimitConcurrent(t *testing.T) {
	h, d := newPool(t)
	var refused, written atomic.Int64
	var wg sync.WaitGroup
	for w := range int64(4) {
		wg.Go(func() {
			for i := range int64(300) {
				block := w*1000 + i%90
				_, err := d.WriteAt(fill(BlockSize, uint64(block)), block*BlockSize)
				switch {
				case err == nil:
					written.Add(1)
				default:
					require.ErrorIs(t, err, ErrNoSpace)
					refused.Add(1)
					require.NoError(t, d.Trim(ctx, max(0, block-32)*BlockSize, 16*BlockSize))
				}
			}
		})
	}
	wg.Wait()
	require.NotZero(t, refused.Load())
	require.NotZero(t, written.Load())
	require.NoError(t, d.Flush(ctx))
	r, err := h.s.Verify(ctx, VerifyOptions{})
	require.NoError(t, err)
	require.True(t, r.Clean(), "%v", r.Problems)
	require.NoError(t, h.s.Close())
}
