package blockstore

import (
	"errors"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

// A plain source that is cloned or copied under a KMS key gets a data key of its own
// under that key, at once for what is written and behind for the rest.
func TestPlainSourceBecomesEncrypted(t *testing.T) {
	fs, keys := vfs.NewCrashableMem(), newTestKeys()
	s := openTest(t, fs, keys)
	vol, err := s.CreateVolume(ctx, VolumeSpec{Size: GiB})
	require.NoError(t, err)
	require.Empty(t, vol.Key)
	d, err := s.Attach(ctx, vol.ID)
	require.NoError(t, err)
	data := fill(1<<20, 1)
	_, err = d.WriteAt(data, 0)
	require.NoError(t, err)
	require.NoError(t, d.Detach(ctx))
	snap, err := s.CreateSnapshot(ctx, SnapshotRequest{Volume: vol.ID})
	require.NoError(t, err)

	clone, err := s.CloneSnapshot(ctx, snap.ID, VolumeSpec{Key: "one"})
	require.NoError(t, err)
	require.NotEmpty(t, clone.Key)
	require.NotEqual(t, vol.DataKey, clone.DataKey)
	copied, err := s.CopySnapshot(ctx, snap.ID, CopySpec{Key: "one"})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(s.Walks()) == 0 }, 5*time.Second, time.Millisecond)
	got, err := s.Snapshot(copied)
	require.NoError(t, err)
	require.Equal(t, clone.Key, got.Key)
	again, err := s.Volume(clone.ID)
	require.NoError(t, err)
	require.Empty(t, again.Parent, "nothing is read through the plain source any more")

	d, err = s.Attach(ctx, clone.ID)
	require.NoError(t, err)
	require.Equal(t, data, readAll(t, d, 0, len(data)))
	require.NoError(t, d.Detach(ctx))
	require.NoError(t, s.Close())
}

// A copy is gone once it is deleted, also when its last block and its snapshot are made at that very moment.
func TestDeleteCopyAsItFinishes(t *testing.T) {
	fs, keys := vfs.NewCrashableMem(), newTestKeys()
	s := openTest(t, fs, keys)
	vol, err := s.CreateVolume(ctx, VolumeSpec{Size: GiB, Key: "one"})
	require.NoError(t, err)
	snap, err := s.CreateSnapshot(ctx, SnapshotRequest{Volume: vol.ID})
	require.NoError(t, err)
	for i := range 200 {
		id, err := s.CopySnapshot(ctx, snap.ID, CopySpec{Key: "two"})
		require.NoError(t, err)
		time.Sleep(time.Duration(i%40) * 25 * time.Microsecond)
		require.NoError(t, s.DeleteSnapshot(ctx, id))
		require.Len(t, s.Snapshots(), 1, "round %d", i)
		require.Eventually(t, func() bool { _, _, err := s.CopyStatus(id); return errors.Is(err, ErrNotFound) }, 5*time.Second, time.Millisecond)
	}
	require.Empty(t, s.Walks())
	require.Len(t, s.Snapshots(), 1)
	require.NoError(t, s.Close())
}
