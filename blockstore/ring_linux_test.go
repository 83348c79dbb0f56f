package blockstore

import (
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// openDisk opens a store on the operating system's file system.
func openDisk(t *testing.T, dir string, keys *testKeys, workers int) *Store {
	t.Helper()
	s, err := Open(Options{Dir: dir, Keys: keys, ZoneSlots: 4096, ReserveBytes: -1, Workers: workers, seams: testSeams()})
	require.NoError(t, err)
	return s
}

// TestEngines runs the same load through each way to the device.
func TestEngines(t *testing.T) {
	for workers, engine := range map[int]string{0: "io_uring", 3: "goroutines", -1: "caller"} {
		t.Run(engine, func(t *testing.T) {
			watchdog(t)
			s := openDisk(t, filepath.Join(t.TempDir(), "store"), newTestKeys(), workers)
			require.Equal(t, engine, s.DiskEngine())
			snapshotsUnderLoad(t, s)
		})
	}
}

// TestRingOverwrites has writers overwrite few blocks, below and above what the ring
// collects, between flushes and reopens; every block is the last that was written.
func TestRingOverwrites(t *testing.T) {
	watchdog(t)
	dir, keys := filepath.Join(t.TempDir(), "store"), newTestKeys()
	s := openDisk(t, dir, keys, 0)
	_, err := s.CreateVolume(ctx, VolumeSpec{ID: "v", Size: GiB, Key: "one"})
	require.NoError(t, err)
	want := make([]byte, 4<<20)
	for round := range 4 {
		d, err := s.Attach(ctx, "v")
		require.NoError(t, err)
		require.Equal(t, want, readAll(t, d, 0, len(want)))
		var wg sync.WaitGroup
		for w := range 4 { // each has a quarter of its own
			r := rand.New(rand.NewPCG(uint64(round), uint64(w)))
			part, base := want[w<<20:(w+1)<<20], int64(w)<<20
			wg.Go(func() {
				for range 300 {
					n := BlockSize << r.IntN(6)
					off := r.IntN((len(part)-n)/BlockSize+1) * BlockSize
					copy(part[off:], fill(n, r.Uint64()))
					if _, err := d.WriteAt(part[off:off+n], base+int64(off)); err != nil {
						t.Errorf("write: %v", err)
						return
					}
					if r.IntN(40) == 0 {
						if err := d.Flush(ctx); err != nil {
							t.Errorf("flush: %v", err)
							return
						}
					}
				}
			})
		}
		wg.Wait()
		require.Equal(t, want, readAll(t, d, 0, len(want)))
		require.NoError(t, d.Detach(ctx))
		require.NoError(t, s.Close())
		s = openDisk(t, dir, keys, 0)
	}
	r, err := s.Verify(ctx, VerifyOptions{})
	require.NoError(t, err)
	require.True(t, r.Clean(), "%v", r.Problems)
	require.NoError(t, s.Close())
}

// TestRingBackpressure has more writers than buffers and nobody who flushes.
func TestRingBackpressure(t *testing.T) {
	watchdog(t)
	s := openDisk(t, filepath.Join(t.TempDir(), "store"), newTestKeys(), 0)
	s.small.max, s.large.max = 3, 2
	_, err := s.CreateVolume(ctx, VolumeSpec{ID: "v", Size: GiB, Key: "one"})
	require.NoError(t, err)
	d, err := s.Attach(ctx, "v")
	require.NoError(t, err)
	var wg sync.WaitGroup
	for w := range int64(8) {
		wg.Go(func() {
			for i := range int64(50) {
				n := BlockSize * (1 + int(i)%3)
				if _, err := d.WriteAt(fill(n, uint64(w)), (w*200+i*4)*BlockSize); err != nil {
					t.Errorf("write: %v", err)
				}
			}
		})
	}
	wg.Wait()
	require.NoError(t, d.Flush(ctx))
	require.NoError(t, s.Close())
}

// TestRingWriteFails has the kernel refuse a write of a block that was flushed to the
// journal: its volume fails, the store and other volumes live, and the block is not lost.
func TestRingWriteFails(t *testing.T) {
	watchdog(t)
	dir, keys := filepath.Join(t.TempDir(), "store"), newTestKeys()
	s := openDisk(t, dir, keys, 0)
	for _, id := range []string{"v", "w"} {
		_, err := s.CreateVolume(ctx, VolumeSpec{ID: id, Size: GiB, Key: "one"})
		require.NoError(t, err)
	}
	d, err := s.Attach(ctx, "v")
	require.NoError(t, err)
	_, err = d.WriteAt(fill(BlockSize, 1), 0)
	require.NoError(t, err)
	require.NoError(t, d.Flush(ctx))
	z := s.zones[0].file.(*directZone)
	good := z.fd
	z.fd, err = unix.Open(z.path, unix.O_RDONLY, 0)
	require.NoError(t, err)
	_, err = d.WriteAt(fill(BlockSize, 2), 0)
	require.NoError(t, err)
	require.NoError(t, d.Flush(ctx))
	require.ErrorIs(t, s.journal.bringHome(), unix.EBADF)
	_, err = d.WriteAt(fill(BlockSize, 4), 0)
	require.ErrorIs(t, err, ErrFailed)
	require.ErrorIs(t, d.Detach(ctx), ErrFailed)
	d, err = s.Attach(ctx, "v")
	require.NoError(t, err)
	require.Equal(t, fill(BlockSize, 2), readAll(t, d, 0, BlockSize))
	require.NoError(t, unix.Close(z.fd))
	z.fd = good
	e, err := s.Attach(ctx, "w")
	require.NoError(t, err)
	_, err = e.WriteAt(fill(BlockSize, 3), 0)
	require.NoError(t, err)
	require.NoError(t, e.Flush(ctx))
	require.Error(t, s.Close(), "not clean: the next open needs the journal")
	s = openDisk(t, dir, keys, 0)
	d, err = s.Attach(ctx, "v")
	require.NoError(t, err)
	require.Equal(t, fill(BlockSize, 2), readAll(t, d, 0, BlockSize))
	require.NoError(t, s.Close())
}

// TestRingFails takes the ring away: what it held fails its volume, and later writes do.
func TestRingFails(t *testing.T) {
	watchdog(t)
	s := openDisk(t, filepath.Join(t.TempDir(), "store"), newTestKeys(), 0)
	_, err := s.CreateVolume(ctx, VolumeSpec{ID: "v", Size: GiB, Key: "one"})
	require.NoError(t, err)
	d, err := s.Attach(ctx, "v")
	require.NoError(t, err)
	_, err = d.WriteAt(fill(BlockSize, 1), 0)
	require.NoError(t, err)
	require.NoError(t, d.Flush(ctx))
	z := s.zones[0].file.(*directZone)
	good := z.fd
	z.fd, err = unix.Open(z.path, unix.O_RDONLY, 0)
	require.NoError(t, err)
	_, err = d.WriteAt(fill(BlockSize, 2), 0) // the kernel will refuse it
	require.NoError(t, err)
	r := s.stager.(*ringStager)
	r.kick()
	require.Eventually(t, r.ring.Ready, 5*time.Second, time.Millisecond)
	require.NoError(t, unix.Close(z.fd))
	z.fd = good
	r.mu.Lock()
	r.unusable = unix.ENXIO
	r.failAll()
	r.mu.Unlock()
	require.ErrorIs(t, d.Flush(ctx), unix.ENXIO)
	_, err = d.WriteAt(fill(BlockSize, 3), 0)
	require.ErrorIs(t, err, ErrFailed)
	r.mu.Lock()
	r.reap() // what still completes is nobody's any more
	r.mu.Unlock()
	_ = s.Close()
}
