package blockstore

import (
	"bytes"
	"encoding/binary"
	"flag"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

var concurrentRounds = flag.Int("concurrent.rounds", 12, "snapshots and clones of the concurrency test")

const concurrentBlocks = 32

// counted is a device whose blocks hold counters, written by one goroutine each.
type counted struct {
	d       *Device
	started [concurrentBlocks]atomic.Uint64
	done    [concurrentBlocks]atomic.Uint64
}

func countedBlock(version uint64) []byte {
	return bytes.Repeat(binary.BigEndian.AppendUint64(nil, version), BlockSize/8)
}

func (c *counted) write(block int) error {
	v := c.started[block].Add(1)
	_, err := c.d.WriteAt(countedBlock(v), int64(block)*BlockSize)
	if err == nil {
		c.done[block].Store(v)
	}
	return err
}

// versions reads every block, which must be whole, and returns their counters.
func versions(t *testing.T, d interface {
	ReadAt([]byte, int64) (int, error)
}) (out [concurrentBlocks]uint64) {
	p := readAll(t, d, 0, concurrentBlocks*BlockSize)
	for i := range out {
		b := p[i*BlockSize : (i+1)*BlockSize]
		out[i] = binary.BigEndian.Uint64(b)
		require.Equal(t, countedBlock(out[i]), b, "block %d is torn", i)
	}
	return out
}

// keepWriting writes until stop is closed, flushing now and then.
func (c *counted) keepWriting(t *testing.T, stop chan struct{}, wg *sync.WaitGroup) {
	for w := range 4 {
		r := rand.New(rand.NewPCG(uint64(w), 9))
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := c.write(r.IntN(concurrentBlocks/4)*4 + w); err != nil {
					t.Errorf("write: %v", err)
					return
				}
				if r.IntN(8) == 0 {
					if err := c.d.Flush(ctx); err != nil {
						t.Errorf("flush: %v", err)
						return
					}
				}
			}
		})
	}
}

// TestConcurrentSnapshots takes snapshots while writers run: each is a cut between
// what was acknowledged before and what was begun after, and stays as it is.
// Clones under another key are written while their walkers run, and keep the writes.
func TestConcurrentSnapshots(t *testing.T) {
	watchdog(t)
	fs := newFaultFS(vfs.NewCrashableMem())
	fs.setOp(func(_ int, name fsOp, path string, done bool) error {
		if name == opRead && isZone(path) && done {
			time.Sleep(time.Duration(rand.IntN(200)) * time.Microsecond)
		}
		return nil
	})
	s, err := Open(Options{Dir: "/store", FS: fs, Keys: newTestKeys(), ZoneSlots: 64, JournalBytes: 256 << 10, seams: testSeams()})
	require.NoError(t, err)
	snapshotsUnderLoad(t, s)
}

// snapshotsUnderLoad closes the store.
func snapshotsUnderLoad(t *testing.T, s *Store) {
	_, err := s.CreateVolume(ctx, VolumeSpec{ID: "v", Size: GiB, Key: "one"})
	require.NoError(t, err)
	v := new(counted)
	v.d, err = s.Attach(ctx, "v")
	require.NoError(t, err)
	stop, wg := make(chan struct{}), new(sync.WaitGroup)
	v.keepWriting(t, stop, wg)
	kept := map[string][concurrentBlocks]uint64{}
	for round := range *concurrentRounds {
		var low [concurrentBlocks]uint64
		for i := range low {
			low[i] = v.done[i].Load()
		}
		sn, err := s.CreateSnapshot(ctx, SnapshotRequest{Volume: "v"})
		require.NoError(t, err)
		view, err := s.OpenSnapshot(ctx, sn.ID, nil)
		require.NoError(t, err)
		kept[sn.ID] = versions(t, view)
		require.NoError(t, view.Close())
		for i, have := range kept[sn.ID] {
			require.GreaterOrEqual(t, have, low[i], "an acknowledged write is missing")
			require.LessOrEqual(t, have, v.started[i].Load())
		}
		cloneWhileWalking(t, s, sn.ID, kept[sn.ID])
		if round%3 == 2 {
			for id, want := range kept {
				view, err := s.OpenSnapshot(ctx, id, nil)
				require.NoError(t, err)
				require.Equal(t, want, versions(t, view), "a snapshot has changed")
				require.NoError(t, view.Close())
				if rand.IntN(2) == 0 {
					require.NoError(t, s.DeleteSnapshot(ctx, id))
					delete(kept, id)
				}
			}
		}
	}
	close(stop)
	wg.Wait()
	require.NoError(t, v.d.Flush(ctx))
	h := &history{t: t, s: s}
	h.settle()
	r, err := s.Verify(ctx, VerifyOptions{})
	require.NoError(t, err)
	require.True(t, r.Clean(), "%v", r.Problems)
	require.NoError(t, s.Close())
}

func cloneWhileWalking(t *testing.T, s *Store, snapshot string, want [concurrentBlocks]uint64) {
	out, err := s.CloneSnapshot(ctx, snapshot, VolumeSpec{Key: "two"})
	require.NoError(t, err)
	d, err := s.Attach(ctx, out.ID)
	require.NoError(t, err)
	for i := range want {
		if i%3 != 0 {
			want[i] += 1_000_000
			_, err := d.WriteAt(countedBlock(want[i]), int64(i)*BlockSize)
			require.NoError(t, err)
		}
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		walks := s.Walks()
		if len(walks) == 0 {
			break
		}
		require.NoError(t, walks[0].Err)
		require.True(t, time.Now().Before(deadline), "a walker does not end")
	}
	require.Equal(t, want, versions(t, d), "a walker has overwritten a write")
	require.NoError(t, d.Detach(ctx))
	require.NoError(t, s.DeleteVolume(ctx, out.ID))
}
