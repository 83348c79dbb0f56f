package blockstore

import (
	"flag"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

var changedTiB = flag.Int64("changed.gib", 1024, "size in GiB of the volume of TestChangedExtentsCostWhatChanged")

// changedBetween lists what changed.
func changedBetween(t *testing.T, s *Store, c Changes) []uint64 {
	var out []uint64
	require.NoError(t, s.ChangedExtents(ctx, c, func(e uint64) bool { out = append(out, e); return true }))
	return out
}

func writeExtents(t *testing.T, d *Device, seed uint64, extents ...uint64) {
	for _, e := range extents {
		_, err := d.WriteAt(fill(BlockSize, seed), int64(e)*ExtentSize)
		require.NoError(t, err)
	}
}

func snapshotOf(t *testing.T, s *Store, volume string) string {
	sn, err := s.CreateSnapshot(ctx, SnapshotRequest{Volume: volume})
	require.NoError(t, err)
	return sn.ID
}

// Whatever is taken out of the birth lists or the records is noticed, also where the
// snapshot that sealed a birth list has been deleted, and in a clone.
func TestChangedExtentsCannotBeOmitted(t *testing.T) {
	s := openTest(t, vfs.NewCrashableMem(), newTestKeys())
	vol, err := s.CreateVolume(ctx, VolumeSpec{Size: GiB, Key: "one"})
	require.NoError(t, err)
	d, err := s.Attach(ctx, vol.ID)
	require.NoError(t, err)
	writeExtents(t, d, 1, 0, 5, 9)
	first := snapshotOf(t, s, vol.ID)
	writeExtents(t, d, 2, 5, 7)
	between := snapshotOf(t, s, vol.ID)
	writeExtents(t, d, 3, 5, 100)
	require.NoError(t, d.Trim(ctx, 9*ExtentSize, ExtentSize))
	last := snapshotOf(t, s, vol.ID)
	clone, err := s.CloneSnapshot(ctx, last, VolumeSpec{Key: "one"})
	require.NoError(t, err)
	cd, err := s.Attach(ctx, clone.ID)
	require.NoError(t, err)
	writeExtents(t, cd, 4, 33)
	ofClone := snapshotOf(t, s, clone.ID)
	require.NoError(t, s.DeleteSnapshot(ctx, between))

	wants := map[string][]uint64{last: {5, 7, 9, 100}, ofClone: {5, 7, 9, 33, 100}}
	for newer, want := range wants {
		require.Equal(t, want, changedBetween(t, s, Changes{Older: first, Newer: newer}))
	}
	require.Equal(t, []uint64{33}, changedBetween(t, s, Changes{Older: last, Newer: ofClone}))
	require.Equal(t, []uint64{9, 100}, changedBetween(t, s, Changes{Older: first, Newer: last, From: 8}))
	require.Equal(t, []uint64{7, 9, 33, 100}, changedBetween(t, s, Changes{Newer: ofClone, From: 6}), "a hole is reported where a record says so")

	number := s.byID[vol.ID].number
	type entry struct{ key, value []byte }
	var entries []entry
	for _, prefix := range []byte{prefixBirth, prefixExtent} {
		from := numberKey(prefix, number)
		require.NoError(t, s.index.scan(from, rangeEnd(from), func(k, v []byte) (bool, error) {
			if _, extent, _ := parseExtentKey(append(slices.Clone(k), make([]byte, 8)...)); prefix == prefixBirth || extent != 0 { // extent 0 is the same at both ends
				entries = append(entries, entry{slices.Clone(k), slices.Clone(v)})
			}
			return true, nil
		}))
	}
	require.NotEmpty(t, entries)
	unneeded := 0
	for _, e := range entries {
		b := s.index.newBatch()
		b.delete(e.key)
		require.NoError(t, s.index.commit(b))
		for newer, want := range wants {
			var got []uint64
			err := s.ChangedExtents(ctx, Changes{Older: first, Newer: newer}, func(e uint64) bool { got = append(got, e); return true })
			if err == nil {
				require.Equal(t, want, got, "without %x", e.key) // another birth of the extent says as much
				unneeded++
				continue
			}
			require.ErrorIs(t, err, ErrCorrupt)
			require.Empty(t, got)
		}
		b = s.index.newBatch()
		b.set(e.key, e.value)
		require.NoError(t, s.index.commit(b))
	}
	require.LessOrEqual(t, unneeded, len(wants), "the first birth of extent 5 only")
	require.NoError(t, cd.Detach(ctx))
	require.NoError(t, d.Detach(ctx))
}

// What changed is read under the keys of the newer snapshot: a keyring that refuses is heard.
func TestChangedExtentsNeedTheKey(t *testing.T) {
	keys := newTestKeys()
	s := openTest(t, vfs.NewCrashableMem(), keys)
	vol, err := s.CreateVolume(ctx, VolumeSpec{Size: GiB, Key: "one"})
	require.NoError(t, err)
	a, b := snapshotOf(t, s, vol.ID), snapshotOf(t, s, vol.ID)
	keys.disable("one", true)
	require.ErrorIs(t, s.ChangedExtents(ctx, Changes{Older: a, Newer: b}, nil), errTestDisabled)
}

// Two snapshots of a large thin volume cost what changed between them.
func TestChangedExtentsCostWhatChanged(t *testing.T) {
	s := openTest(t, vfs.NewCrashableMem(), newTestKeys())
	vol, err := s.CreateVolume(ctx, VolumeSpec{Size: *changedTiB * GiB, Key: "one"})
	require.NoError(t, err)
	d, err := s.Attach(ctx, vol.ID)
	require.NoError(t, err)
	every := uint64(*changedTiB*GiB) / ExtentSize / 1000
	var extents []uint64
	for i := range uint64(1000) {
		extents = append(extents, i*every)
	}
	writeExtents(t, d, 1, 3, 4, 5)
	older := snapshotOf(t, s, vol.ID)
	writeExtents(t, d, 2, extents...)
	newer := snapshotOf(t, s, vol.ID)
	require.Equal(t, extents, changedBetween(t, s, Changes{Older: older, Newer: newer}))
	require.Len(t, changedBetween(t, s, Changes{Newer: newer}), 1003)
	changed := testing.AllocsPerRun(3, func() { changedBetween(t, s, Changes{Older: older, Newer: newer}) })
	require.Less(t, changed, 40.0*1000, "allocations for 1000 changed extents")
	require.NoError(t, d.Detach(ctx))
}

// What an upload has written is known from the records alone.
func TestWritten(t *testing.T) {
	fs, keys := vfs.NewCrashableMem(), newTestKeys()
	s := openTest(t, fs, keys)
	const unit = 8 * ExtentSize
	vol, err := s.CreateVolume(ctx, VolumeSpec{Size: GiB, Key: "one"})
	require.NoError(t, err)
	d, err := s.Attach(ctx, vol.ID)
	require.NoError(t, err)
	whole := fill(unit, 1)
	for _, n := range []int64{0, 3, 4} {
		_, err = d.WriteAt(whole, n*unit)
		require.NoError(t, err)
	}
	parent := snapshotOf(t, s, vol.ID)
	require.NoError(t, d.Detach(ctx))
	clone, err := s.CloneSnapshot(ctx, parent, VolumeSpec{Key: "one"})
	require.NoError(t, err)
	d, err = s.Attach(ctx, clone.ID)
	require.NoError(t, err)
	_, err = d.WriteAt(whole, 4*unit)
	require.NoError(t, err)
	_, err = d.WriteAt(make([]byte, unit), 9*unit)
	require.NoError(t, err)
	_, err = d.WriteAt(whole[BlockSize:], 11*unit) // not whole
	require.NoError(t, err)
	require.NoError(t, d.Detach(ctx))
	require.NoError(t, s.Close())

	s = openTest(t, fs, keys)
	d, err = s.Attach(ctx, clone.ID)
	require.NoError(t, err)
	var units []int64
	require.NoError(t, d.Written(ctx, unit, func(n int64) bool { units = append(units, n); return true }))
	require.Equal(t, []int64{4, 9}, units)
	require.NoError(t, d.Detach(ctx))
}
