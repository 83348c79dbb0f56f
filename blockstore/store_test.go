package blockstore

import (
	"bytes"
	"context"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

var ctx = context.Background()

func openTest(t *testing.T, fs FS, keys *testKeys) *Store {
	t.Helper()
	s, err := Open(Options{Dir: "/store", Keys: keys, FS: fs, ZoneSlots: 1024, JournalBytes: 256 << 10})
	require.NoError(t, err)
	return s
}

func fill(n int, seed uint64) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func readAll(t *testing.T, d interface {
	ReadAt([]byte, int64) (int, error)
}, off int64, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	_, err := d.ReadAt(b, off)
	require.NoError(t, err)
	return b
}

func TestWriteFlushReopen(t *testing.T) {
	fs, keys := vfs.NewCrashableMem(), newTestKeys()
	s := openTest(t, fs, keys)
	vol, err := s.CreateVolume(ctx, VolumeSpec{Size: GiB, Key: "one"})
	require.NoError(t, err)
	d, err := s.Attach(ctx, vol.ID)
	require.NoError(t, err)
	data := fill(3<<20+777, 1)
	_, err = d.WriteAt(data, 12345)
	require.NoError(t, err)
	require.True(t, bytes.Equal(data, readAll(t, d, 12345, len(data))))
	require.NoError(t, d.Flush(ctx))
	require.True(t, bytes.Equal(data, readAll(t, d, 12345, len(data))))
	require.NoError(t, d.Detach(ctx))
	require.NoError(t, s.Close())
	s = openTest(t, fs, keys)
	d, err = s.Attach(ctx, vol.ID)
	require.NoError(t, err)
	require.True(t, bytes.Equal(data, readAll(t, d, 12345, len(data))))
	require.Equal(t, make([]byte, 12345), readAll(t, d, 0, 12345))
	require.NoError(t, s.Close())
}

// A flush that comes while its device is detached ends, one way or the other.
func TestFlushDuringDetach(t *testing.T) {
	watchdog(t)
	s := openTest(t, vfs.NewCrashableMem(), newTestKeys())
	vol, err := s.CreateVolume(ctx, VolumeSpec{Size: GiB})
	require.NoError(t, err)
	for range 200 {
		d, err := s.Attach(ctx, vol.ID)
		require.NoError(t, err)
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				for {
					if _, err := d.WriteAt(make([]byte, BlockSize), 0); err != nil {
						return
					}
					if d.Flush(ctx) != nil {
						return
					}
				}
			})
		}
		require.NoError(t, d.Detach(ctx))
		wg.Wait()
	}
	require.NoError(t, s.Close())
}

// A crash while a store is made leaves a torn superblock and nothing else: it is made again.
func TestCreationTorn(t *testing.T) {
	for _, torn := range [][]byte{nil, make([]byte, 100), make([]byte, superSize)} {
		fs, keys := vfs.NewCrashableMem(), newTestKeys()
		require.NoError(t, fs.MkdirAll("/store", 0o700))
		require.NoError(t, writeFileSync(fs, "/store/SUPER.B", torn))
		s := openTest(t, fs, keys)
		require.NoError(t, s.Close())
		// With data in it, it is a damaged store.
		require.NoError(t, writeFileSync(fs, "/store/SUPER.A", torn))
		require.NoError(t, writeFileSync(fs, "/store/SUPER.B", torn))
		_, err := Open(Options{Dir: "/store", Keys: keys, FS: fs})
		require.ErrorIs(t, err, ErrFormat)
	}
}

func TestSnapshotCloneCopy(t *testing.T) {
	fs, keys := vfs.NewCrashableMem(), newTestKeys()
	s := openTest(t, fs, keys)
	vol, err := s.CreateVolume(ctx, VolumeSpec{Size: GiB, Key: "one"})
	require.NoError(t, err)
	d, err := s.Attach(ctx, vol.ID)
	require.NoError(t, err)
	data := fill(1<<20, 1)
	_, err = d.WriteAt(data, 0)
	require.NoError(t, err)
	snap, err := s.CreateSnapshot(ctx, SnapshotRequest{Volume: vol.ID})
	require.NoError(t, err)
	_, err = d.WriteAt(fill(1<<20, 2), 0)
	require.NoError(t, err)
	require.NoError(t, d.Flush(ctx))
	v, err := s.OpenSnapshot(ctx, snap.ID, nil)
	require.NoError(t, err)
	require.True(t, bytes.Equal(data, readAll(t, v, 0, len(data))))
	require.NoError(t, v.Close())

	id, err := s.CopySnapshot(ctx, snap.ID, CopySpec{Key: "two"})
	require.NoError(t, err)
	require.Eventually(t, func() bool { _, done, err := s.CopyStatus(id); return done && err == nil }, 10e9, 1e6)
	keys.disable("one", true)
	c, err := s.CloneSnapshot(ctx, id, VolumeSpec{Key: "two"})
	require.NoError(t, err)
	cd, err := s.Attach(ctx, c.ID)
	require.NoError(t, err)
	require.True(t, bytes.Equal(data, readAll(t, cd, 0, len(data))))
	require.NoError(t, s.DeleteSnapshot(ctx, snap.ID))
	require.NoError(t, d.Detach(ctx))
	require.NoError(t, s.DeleteVolume(ctx, vol.ID))
	require.NoError(t, cd.Detach(ctx))
	require.NoError(t, s.DeleteSnapshot(ctx, id))
	require.NoError(t, s.DeleteVolume(ctx, c.ID))
	require.Eventually(t, func() bool { return s.Metrics().UsedSlots == 0 }, 10e9, 1e6)
	require.NoError(t, s.Close())
}
