package blockstore

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/aead"
)

var updateGolden = flag.Bool("golden.update", false, "make testdata/format-1 anew; only for a format that was never released")

// goldenBlocks is what the golden store's views hold from block 0, by seed of fill; 0 is a hole.
var goldenBlocks = map[string][]uint64{
	"vol-plain":    {1, 0, 3},
	"vol-one":      {11, 12, 0, 14, 15},
	"snap-first":   {11, 21, 22},
	"vol-clone":    {11, 21, 33},
	"vol-other":    {11, 21, 22, 0, 45},
	"snap-deleted": nil,
}

func goldenOptions(dir string, keys *testKeys) Options {
	return Options{Dir: dir, Keys: keys, ZoneSlots: 64, ReserveBytes: -1, Suite: aead.SuiteAES256GCM}
}

// makeGolden writes a store with every kind of record into testdata/format-1.
func makeGolden(t *testing.T, dir string) {
	require.NoError(t, os.RemoveAll(dir))
	keys := newTestKeys()
	s, err := Open(goldenOptions(dir, keys))
	require.NoError(t, err)
	write := func(id string, content []uint64) {
		d, err := s.Attach(ctx, id)
		require.NoError(t, err)
		for block, seed := range content {
			if seed == 0 {
				require.NoError(t, d.Trim(ctx, int64(block)*BlockSize, BlockSize))
				continue
			}
			_, err := d.WriteAt(fill(BlockSize, seed), int64(block)*BlockSize)
			require.NoError(t, err)
		}
		require.NoError(t, d.Detach(ctx))
	}
	for id, key := range map[string]string{"vol-plain": "", "vol-one": "one"} {
		_, err := s.CreateVolume(ctx, VolumeSpec{ID: id, Key: key, Size: GiB})
		require.NoError(t, err)
	}
	write("vol-plain", goldenBlocks["vol-plain"])
	write("vol-one", goldenBlocks["snap-first"])
	for _, id := range []string{"snap-first", "snap-deleted"} {
		_, err := s.CreateSnapshot(ctx, SnapshotRequest{Volume: "vol-one", ID: id})
		require.NoError(t, err)
	}
	write("vol-one", goldenBlocks["vol-one"])
	for id, key := range map[string]string{"vol-clone": "one", "vol-other": "two"} {
		_, err := s.CloneSnapshot(ctx, "snap-first", VolumeSpec{ID: id, Key: key})
		require.NoError(t, err)
		write(id, goldenBlocks[id])
	}
	require.NoError(t, s.Close())
	s, err = Open(goldenOptions(dir, keys)) // what the index's log had is in a table now
	require.NoError(t, err)
	require.NoError(t, s.DeleteSnapshot(ctx, "snap-deleted"))
	require.NoError(t, s.Close())
	anchors, err := json.MarshalIndent(keys.copyAnchors(), "", "\t")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "anchors.json"), anchors, 0o644))
}

// TestGoldenStore opens a store of format 1 as it was committed, reads all of it,
// verifies it and works on with it. The KMS keys are those of newTestKeys.
func TestGoldenStore(t *testing.T) {
	golden := filepath.Join("testdata", "format-1")
	if *updateGolden {
		makeGolden(t, golden)
	}
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(golden)))
	keys := newTestKeys()
	text, err := os.ReadFile(filepath.Join(dir, "anchors.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &keys.anchors))
	for _, name := range []string{"", "one", "two"} {
		_, err := keys.key(name)
		require.NoError(t, err)
	}
	for range 2 { // as it is, and after it has been written to and closed
		s, err := Open(goldenOptions(dir, keys))
		require.NoError(t, err)
		require.Empty(t, s.Damage())
		require.Len(t, s.Volumes(), 4)
		require.Len(t, s.Snapshots(), 1)
		r, err := s.Verify(ctx, VerifyOptions{})
		require.NoError(t, err)
		require.True(t, r.Clean(), "%v %v", r.Problems, r.Unchecked)
		require.NotZero(t, r.Blocks)
		for id, content := range goldenBlocks {
			if content == nil {
				_, err := s.Snapshot(id)
				require.ErrorIs(t, err, ErrNotFound)
				continue
			}
			checkGolden(t, s, id, content)
		}
		require.NoError(t, s.Close())
	}
}

func checkGolden(t *testing.T, s *Store, id string, content []uint64) {
	var want []byte
	for _, seed := range content {
		block := make([]byte, BlockSize)
		if seed != 0 {
			block = fill(BlockSize, seed)
		}
		want = append(want, block...)
	}
	if id == "snap-first" {
		v, err := s.OpenSnapshot(ctx, id, nil)
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, readAll(t, v, 0, len(want))), id)
		require.NoError(t, v.Close())
		return
	}
	d, err := s.Attach(ctx, id)
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, readAll(t, d, 0, len(want))), id)
	_, err = d.WriteAt(want[:BlockSize], GiB-BlockSize)
	require.NoError(t, err)
	require.NoError(t, d.Flush(ctx))
	require.NoError(t, d.Detach(ctx))
}
