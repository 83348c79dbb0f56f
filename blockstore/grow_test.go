package blockstore

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

func TestGrowVolume(t *testing.T) {
	fs, keys := vfs.NewCrashableMem(), newTestKeys()
	s := openTest(t, fs, keys)
	vol, err := s.CreateVolume(ctx, VolumeSpec{Size: GiB, Key: "one"})
	require.NoError(t, err)
	d, err := s.Attach(ctx, vol.ID)
	require.NoError(t, err)
	data := fill(BlockSize, 1)
	_, err = d.WriteAt(data, GiB-BlockSize)
	require.NoError(t, err)
	snap, err := s.CreateSnapshot(ctx, SnapshotRequest{Volume: vol.ID})
	require.NoError(t, err)

	// An attached volume has its new size at once.
	require.NoError(t, s.GrowVolume(ctx, vol.ID, 2*GiB, nil))
	require.Equal(t, int64(2*GiB), d.Size())
	require.Equal(t, make([]byte, BlockSize), readAll(t, d, GiB, BlockSize))
	_, err = d.WriteAt(data, 2*GiB-BlockSize)
	require.NoError(t, err)
	require.NoError(t, d.Detach(ctx))
	require.NoError(t, s.GrowVolume(ctx, vol.ID, 3*GiB, nil), "detached")

	for _, size := range []int64{2 * GiB, 3*GiB + 1, MaxVolumeSize + GiB} {
		require.ErrorIs(t, s.GrowVolume(ctx, vol.ID, size, nil), ErrInvalid)
	}
	require.ErrorIs(t, s.GrowVolume(ctx, "vol-none", 4*GiB, nil), ErrNotFound)
	require.NoError(t, s.Close())

	s = openTest(t, fs, keys)
	d, err = s.Attach(ctx, vol.ID)
	require.NoError(t, err)
	require.Equal(t, int64(3*GiB), d.Size())
	require.Equal(t, data, readAll(t, d, GiB-BlockSize, BlockSize))
	require.Equal(t, make([]byte, BlockSize), readAll(t, d, GiB, BlockSize))
	require.Equal(t, data, readAll(t, d, 2*GiB-BlockSize, BlockSize))
	_, err = d.WriteAt(data, 3*GiB-BlockSize)
	require.NoError(t, err)
	require.NoError(t, d.Detach(ctx))
	got, err := s.Snapshot(snap.ID)
	require.NoError(t, err)
	require.Equal(t, int64(GiB), got.Size, "a snapshot keeps its size")
	require.NoError(t, s.Close())
}
