package blockstore

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// What inspect says of an extent: what is dirty, what a clone reads through, which block is
// damaged, and what it cannot tell without a key. No key leaves with it.
func TestInspectExtent(t *testing.T) {
	h := newHistoryStore(t, Options{})
	_, err := h.s.CreateVolume(ctx, VolumeSpec{ID: "v", Size: GiB, Key: "one"})
	require.NoError(t, err)
	d, err := h.s.Attach(ctx, "v")
	require.NoError(t, err)
	_, err = d.WriteAt(fill(3*BlockSize, 1), 0)
	require.NoError(t, err)
	_, err = h.s.CreateSnapshot(ctx, SnapshotRequest{Volume: "v", ID: "s"})
	require.NoError(t, err)
	_, err = h.s.CloneSnapshot(ctx, "s", VolumeSpec{ID: "c", Key: "one"})
	require.NoError(t, err)
	_, err = d.WriteAt(fill(BlockSize, 2), 5*BlockSize)
	require.NoError(t, err)

	x, err := h.s.InspectExtent(ctx, "v", 100, nil)
	require.NoError(t, err)
	require.Len(t, x.Dirty, 1)
	require.Equal(t, "dirty", x.Dirty[0].State)
	require.Len(t, x.Records, 1)
	require.Len(t, x.Records[0].Blocks, 3)
	for _, b := range x.Records[0].Blocks {
		require.Equal(t, "authentic", b.State)
	}
	slot := x.Records[0].Blocks[1].Slot
	zoneFile, err := openZoneFS(h.fs, zoneName("/store", int(slot/64)))
	require.NoError(t, err)
	_, err = zoneFile.WriteAt(make([]byte, 8), int64(slot%64)*BlockSize)
	require.NoError(t, err)
	require.NoError(t, zoneFile.Close())

	x, err = h.s.InspectExtent(ctx, "c", 0, nil)
	require.NoError(t, err)
	require.Len(t, x.Records, 1)
	require.True(t, x.Records[0].Shown)
	require.Contains(t, x.Records[0].Blocks[1].State, "corrupt block")
	require.Equal(t, "authentic", x.Records[0].Blocks[2].State)

	h.keys.disable("one", true)
	x, err = h.s.InspectExtent(ctx, "c", 0, nil)
	require.NoError(t, err)
	require.Contains(t, x.Keys, errTestDisabled.Error())
	require.Equal(t, "unchecked", x.Records[0].Blocks[1].State)
	_, err = h.s.InspectExtent(ctx, "c", GiB, nil)
	require.ErrorIs(t, err, ErrInvalid)
	_, err = h.s.InspectExtent(ctx, "none", 0, nil)
	require.ErrorIs(t, err, ErrNotFound)

	info, err := h.s.InspectVolume("c")
	require.NoError(t, err)
	encoded, err := json.Marshal(info)
	require.NoError(t, err)
	require.NotContains(t, string(encoded), "rapped")
	require.Len(t, h.s.InspectTree(), 3)
	zone, err := h.s.InspectZone(0)
	require.NoError(t, err)
	require.Equal(t, 4, zone.UsedSlots)
	store, err := h.s.InspectStore()
	require.NoError(t, err)
	require.Equal(t, 1, store.Snapshots)
	require.NoError(t, h.s.Close())
}
