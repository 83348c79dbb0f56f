package snapshot_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/blockstore"
	"coffer.example/kms"
	"coffer.example/snapshot"
)

// openManager returns a manager of a fresh store whose keys are in a KMS.
func openManager(t *testing.T) (*blockstore.Store, *snapshot.Manager, string) {
	t.Helper()
	dir := t.TempDir()
	o := kms.Options{Dir: filepath.Join(dir, "data"), Root: kms.RootKeyFile(filepath.Join(dir, "root.key"))}
	require.NoError(t, kms.Init(o))
	keys, err := kms.Open(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, keys.Close()) })
	k, err := keys.CreateKey(context.Background(), keys.RootCaller(), kms.CreateKeyInput{})
	require.NoError(t, err)
	store, err := blockstore.Open(blockstore.Options{Dir: filepath.Join(dir, "data", "blocks"), Keys: keys.Keyring(), ZoneSlots: 4096})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	m, err := snapshot.Open(store)
	require.NoError(t, err)
	return store, m, k.ID
}

func TestDiff(t *testing.T) {
	ctx := context.Background()
	store, m, key := openManager(t)
	vol, err := store.CreateVolume(ctx, blockstore.VolumeSpec{Size: blockstore.GiB, Key: key})
	require.NoError(t, err)
	dev, err := store.Attach(ctx, vol.ID)
	require.NoError(t, err)
	write := func(extents ...int64) blockstore.Snapshot {
		for _, e := range extents {
			_, err := dev.WriteAt([]byte{byte(e)}, e*blockstore.ExtentSize)
			require.NoError(t, err)
		}
		sn, err := m.Create(ctx, vol.ID)
		require.NoError(t, err)
		return sn
	}
	diff := func(older, newer string) (out []int64) {
		require.NoError(t, m.Diff(ctx, older, newer, func(off, n int64) bool {
			require.EqualValues(t, blockstore.ExtentSize, n)
			out = append(out, off/blockstore.ExtentSize)
			return true
		}))
		return out
	}
	one, two, three := write(1, 2, 900), write(2, 3), write(70)
	require.Equal(t, []int64{1, 2, 900}, diff("", one.ID))
	require.Equal(t, []int64{2, 3}, diff(one.ID, two.ID))
	require.Equal(t, []int64{2, 3, 70}, diff(one.ID, three.ID))
	require.Equal(t, []int64{1, 2, 3, 70, 900}, diff("", three.ID))
	require.NoError(t, m.Delete(ctx, two.ID))
	require.Equal(t, []int64{2, 3, 70}, diff(one.ID, three.ID), "a deleted snapshot between them changes nothing")
	require.ErrorIs(t, m.Diff(ctx, three.ID, one.ID, nil), snapshot.ErrUnrelated)
	require.ErrorIs(t, m.Diff(ctx, "snap-none", one.ID, nil), blockstore.ErrNotFound)

	clone, err := m.Restore(ctx, three.ID, blockstore.VolumeSpec{Size: 2 * blockstore.GiB})
	require.NoError(t, err)
	of, err := m.Create(ctx, clone.ID)
	require.NoError(t, err)
	require.Equal(t, []int64{1, 2, 3, 70, 900}, diff("", of.ID))
	require.Empty(t, diff(three.ID, of.ID), "a clone goes on from its source")
	child, err := store.Attach(ctx, clone.ID)
	require.NoError(t, err)
	_, err = child.WriteAt(make([]byte, blockstore.BlockSize), 5*blockstore.ExtentSize)
	require.NoError(t, err)
	later, err := m.Create(ctx, clone.ID)
	require.NoError(t, err)
	require.NoError(t, child.Detach(ctx))
	require.Equal(t, []int64{5}, diff(of.ID, later.ID))
	require.Equal(t, []int64{5}, diff(three.ID, later.ID))
	require.Equal(t, []int64{2, 3, 5, 70}, diff(one.ID, later.ID))
	require.ErrorIs(t, m.Diff(ctx, later.ID, three.ID, nil), snapshot.ErrUnrelated)
	after := write(7)
	require.ErrorIs(t, m.Diff(ctx, after.ID, later.ID, nil), snapshot.ErrUnrelated, "the clone was made before it")
	require.NoError(t, dev.Detach(ctx))
}

func TestSetIsOneInstantAndCancelledCopyLeavesNothing(t *testing.T) {
	ctx := context.Background()
	store, m, key := openManager(t)
	var ids []string
	for range 3 {
		vol, err := store.CreateVolume(ctx, blockstore.VolumeSpec{Size: blockstore.GiB, Key: key})
		require.NoError(t, err)
		ids = append(ids, vol.ID)
	}
	set, err := m.CreateSet(ctx, ids...)
	require.NoError(t, err)
	require.Len(t, set, 3)
	_, err = m.CreateSet(ctx, ids[0], ids[0])
	require.ErrorIs(t, err, blockstore.ErrInvalid)
	require.Len(t, store.Snapshots(), 3)

	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	_, err = m.Copy(cancelled, set[0].ID, blockstore.CopySpec{ID: "snap-copy", Key: key})
	if err != nil {
		_, err = store.Snapshot("snap-copy")
		require.ErrorIs(t, err, blockstore.ErrNotFound)
	}
}
