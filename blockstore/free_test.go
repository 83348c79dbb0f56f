package blockstore

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

// TestOverwriteDuringDeletion stops the deletion of a snapshot after its mark, overwrites a
// block that the snapshot showed, and reuses its slot. No record may still name the slot when
// it is free: else the next open would find two owners.
func TestOverwriteDuringDeletion(t *testing.T) {
	watchdog(t)
	h := newHistoryStore(t, Options{MaxBytes: 64 * BlockSize}) // one zone
	_, err := h.s.CreateVolume(ctx, VolumeSpec{ID: "v", Size: GiB, Key: "one"})
	require.NoError(t, err)
	d, err := h.s.Attach(ctx, "v")
	require.NoError(t, err)
	put := func(block int64, n int, seed uint64) {
		_, err := d.WriteAt(fill(n*BlockSize, seed), block*BlockSize)
		require.NoError(t, err)
		require.NoError(t, d.Flush(ctx))
	}
	put(0, 8, 1)
	_, err = h.s.CreateSnapshot(ctx, SnapshotRequest{Volume: "v", ID: "s"})
	require.NoError(t, err)
	put(9, 1, 2) // the extent has a record of the new generation from here on
	v, sn := h.s.byID["v"], h.s.snapshots["s"]
	require.NoError(t, h.s.hideSnapshot(v, "s"))
	require.NoError(t, h.s.beginFree(v, h.s.parentSnapshot(sn.volume, sn.generation)))

	put(3, 1, 3) // frees the slot that the snapshot's record names
	for i := range int64(200) {
		put(1024+i%40, 1, uint64(10+i)) // every free slot is used again
	}
	image := h.fs.CrashClone(vfs.CrashCloneCfg{})
	h.settleSweeps(t)
	require.NoError(t, h.s.Close())
	h.fs = image
	h.open() // finds no damage, and goes on with the deletion
	h.settleSweeps(t)
	want, have := h.bitmaps()
	require.Equal(t, want, have, "a slot is lost")
	r, err := h.s.Verify(ctx, VerifyOptions{})
	require.NoError(t, err)
	require.True(t, r.Clean(), "%v", r.Problems)
	require.NoError(t, h.s.Close())
}

// settleSweeps runs what deletions are left.
func (h *history) settleSweeps(t *testing.T) {
	for _, v := range h.s.volumes {
		v.sweepMu.Lock()
		require.NoError(t, h.s.sweep(v))
		v.sweepMu.Unlock()
	}
}
