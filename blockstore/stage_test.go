package blockstore

import (
	"bytes"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// gatedZone is a zone whose writes wait for a gate.
type gatedZone struct {
	mu   sync.Mutex
	gate chan struct{}
	data [64 * BlockSize]byte
	ops  int
}

func (z *gatedZone) WriteVectors(bufs [][]byte, off int64) error {
	<-z.gate
	z.mu.Lock()
	defer z.mu.Unlock()
	z.ops++
	copy(z.data[off:], bytes.Join(bufs, nil))
	return nil
}

func (z *gatedZone) ReadAt(p []byte, off int64) (int, error) { return copy(p, z.data[off:]), nil }
func (z *gatedZone) Sync() error                             { return nil }
func (z *gatedZone) Punch(int64, int64) error                { return nil }
func (z *gatedZone) Close() error                            { return nil }

// A slot that is superseded while its device write is under way is given back only
// after that write: it must not land on the slot's next owner. Until then reads find
// the block in its buffer. Neighbours go to the device together.
func TestStagerSupersede(t *testing.T) {
	z := &gatedZone{gate: make(chan struct{})}
	var mu sync.Mutex
	var released []uint64
	release := func(slots []uint64) {
		mu.Lock()
		defer mu.Unlock()
		released = append(released, slots...)
	}
	s := newWorkerStager(1, 1, newLanding(release))
	pool, set, zone := newBufferPool(BlockSize, 1<<20), new(dirtySet), &zone{file: z}
	stage := func(slot uint64) *stagedWrite {
		w := &stagedWrite{zone: zone, offset: int64(slot) * BlockSize, blocks: 1, set: set, pool: pool, buf: pool.get()}
		copy(w.buf, bytes.Repeat([]byte{byte(slot)}, BlockSize))
		set.pending.Add(1)
		s.submit(w)
		return w
	}
	first := stage(1) // occupies the only worker
	second, third := stage(5), stage(6)
	second.supersede(5, release)
	mu.Lock()
	require.Empty(t, released, "its write is under way")
	mu.Unlock()
	p := make([]byte, BlockSize)
	require.True(t, third.read(p, 0))
	require.Equal(t, bytes.Repeat([]byte{6}, BlockSize), p)
	close(z.gate)
	s.await(&set.pending)
	require.NoError(t, set.failure())
	require.Equal(t, []uint64{5}, released)
	require.False(t, third.read(p, 0), "it is on the device now")
	first.supersede(1, release)
	require.Equal(t, []uint64{5, 1}, released, "at once: its write is done")
	require.LessOrEqual(t, z.ops, 3)
	require.Equal(t, byte(6), z.data[6*BlockSize])
	s.close()
	s.close()
}
