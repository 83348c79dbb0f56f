package blockstore

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPunchFree deletes a volume on a real file system: after two looks its space is back.
func TestPunchFree(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	s, err := Open(Options{Dir: dir, Keys: newTestKeys(), ZoneSlots: 4096, ReserveBytes: -1})
	require.NoError(t, err)
	keep, err := s.CreateVolume(ctx, VolumeSpec{Size: GiB, Key: "one"})
	require.NoError(t, err)
	k, err := s.Attach(ctx, keep.ID)
	require.NoError(t, err)
	kept := fill(1<<20, 1)
	_, err = k.WriteAt(kept, 0)
	require.NoError(t, err)
	vol, err := s.CreateVolume(ctx, VolumeSpec{Size: GiB, Key: "one"})
	require.NoError(t, err)
	d, err := s.Attach(ctx, vol.ID)
	require.NoError(t, err)
	_, err = d.WriteAt(fill(10<<20, 2), 0)
	require.NoError(t, err)
	require.NoError(t, d.Detach(ctx))
	blocks := func() (n int64) {
		files, err := filepath.Glob(filepath.Join(dir, "data", "*.dat"))
		require.NoError(t, err)
		for _, f := range files {
			info, err := os.Stat(f)
			require.NoError(t, err)
			n += info.Sys().(*syscall.Stat_t).Blocks * 512
		}
		return n
	}
	full := blocks()
	require.NoError(t, s.DeleteVolume(ctx, vol.ID))
	s.epochs.barrier()
	require.NoError(t, s.punchFree())
	require.Zero(t, s.Metrics().PunchedBytes, "a group is left alone for a while")
	require.NoError(t, s.punchFree())
	require.GreaterOrEqual(t, s.Metrics().PunchedBytes, uint64(8<<20))
	require.LessOrEqual(t, blocks(), full-8<<20)
	require.NoError(t, s.punchFree())
	require.Equal(t, kept, readAll(t, k, 0, len(kept)))
	_, err = k.WriteAt(fill(12<<20, 3), 0)
	require.NoError(t, err)
	require.NoError(t, k.Flush(ctx))
	require.NoError(t, s.Close())
}

// TestSpaceReserve makes the reserve larger than the disk: writes are refused before they are acknowledged.
func TestSpaceReserve(t *testing.T) {
	s, err := Open(Options{Dir: filepath.Join(t.TempDir(), "store"), Keys: newTestKeys(), ZoneSlots: 4096, ReserveBytes: 1 << 60})
	require.NoError(t, err)
	vol, err := s.CreateVolume(ctx, VolumeSpec{Size: GiB, Key: "one"})
	require.NoError(t, err)
	d, err := s.Attach(ctx, vol.ID)
	require.NoError(t, err)
	_, err = d.WriteAt(fill(BlockSize, 1), 0)
	require.ErrorIs(t, err, ErrNoSpace)
	require.True(t, s.Metrics().SpaceLow)
	require.NoError(t, d.Trim(ctx, 0, GiB), "giving space back works")
	require.Equal(t, make([]byte, BlockSize), readAll(t, d, 0, BlockSize))
	require.NoError(t, s.Close())
}
