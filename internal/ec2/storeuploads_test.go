package ec2_test

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"

	"coffer.example/blockstore"
	"coffer.example/internal/ec2"
	"coffer.example/internal/meta/memmeta"
	"coffer.example/kms"
	"github.com/stretchr/testify/require"
)

func TestStoreUploads(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	o := kms.Options{Dir: filepath.Join(dir, "keys"), Root: kms.RootKeyFile(filepath.Join(dir, "root.key")), Store: memmeta.New(), Account: "111122223333"}
	require.NoError(t, kms.Init(o))
	keys, err := kms.Open(o)
	require.NoError(t, err)
	defer keys.Close()
	key, err := keys.CreateKey(ctx, keys.RootCaller(), kms.CreateKeyInput{})
	require.NoError(t, err)
	store, err := blockstore.Open(blockstore.Options{Dir: filepath.Join(dir, "store"), Keys: keys.Keyring(), ReserveBytes: -1, ZoneSlots: 4096})
	require.NoError(t, err)
	b := ec2.NewStoreEngine(store)
	spec := func(id string) ec2.VolumeSpec {
		return ec2.VolumeSpec{ID: id, SizeBytes: 1 << 30, Key: key.ARN, Keys: keys.Keyring()}
	}
	block := func(n byte) []byte { return bytes.Repeat([]byte{n}, ec2.SnapshotBlockSize) }
	changed := func(older, newer string) (out []int64) {
		require.NoError(t, b.ChangedBlocks(ctx, ec2.ChangeQuery{OlderID: older, NewerID: newer}, func(index int64) bool { out = append(out, index); return true }))
		return out
	}

	require.NoError(t, b.BeginUpload(ctx, "", spec("snap-one")))
	for _, n := range []int64{0, 3, 2047} {
		require.NoError(t, b.WriteBlock(ctx, "snap-one", n, block(byte(n))))
	}
	got := make([]byte, ec2.SnapshotBlockSize)
	require.NoError(t, b.ReadUploaded(ctx, "snap-one", 3, got))
	require.Equal(t, block(3), got)
	require.NoError(t, b.EndUpload(ctx, "snap-one"))
	require.ErrorIs(t, b.WriteBlock(ctx, "snap-one", 1, block(1)), ec2.ErrNoObject)
	require.Empty(t, store.Volumes(), "the volume that was written is gone")
	require.Equal(t, []int64{0, 3, 2047}, changed("", "snap-one"))
	require.NoError(t, b.ReadBlock(ctx, "snap-one", 2047, got, keys.Keyring()))
	require.Equal(t, block(2047&0xff), got)
	require.NoError(t, b.ReadBlock(ctx, "snap-one", 1, got, keys.Keyring()))
	require.Equal(t, block(0), got)

	// A child shares what it does not write, and is related to its parent.
	require.NoError(t, b.BeginUpload(ctx, "snap-one", spec("snap-two")))
	require.NoError(t, b.WriteBlock(ctx, "snap-two", 3, block(9)))
	require.NoError(t, b.EndUpload(ctx, "snap-two"))
	require.Equal(t, []int64{3}, changed("snap-one", "snap-two"))
	require.Equal(t, []int64{0, 3, 2047}, changed("", "snap-two"))
	require.NoError(t, b.ReadBlock(ctx, "snap-two", 0, got, keys.Keyring()))
	require.Equal(t, block(0), got)
	require.ErrorIs(t, b.ChangedBlocks(ctx, ec2.ChangeQuery{OlderID: "snap-two", NewerID: "snap-one"}, nil), ec2.ErrUnrelatedObjects)

	// What was acknowledged is there after a restart, and told from what the parent shows.
	require.NoError(t, b.BeginUpload(ctx, "snap-one", spec("snap-half")))
	require.NoError(t, b.WriteBlock(ctx, "snap-half", 5, block(7)))
	require.NoError(t, b.Close())
	b = ec2.NewStoreEngine(store)
	begun, err := b.Uploads(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{"snap-half"}, begun)
	require.ErrorIs(t, b.WriteBlock(ctx, "snap-half", 6, block(8)), ec2.ErrNoObject, "not resumed")
	var written []int64
	require.NoError(t, b.ResumeUpload(ctx, "snap-half", keys.Keyring(), func(index int64) { written = append(written, index) }))
	require.Equal(t, []int64{5}, written)
	require.NoError(t, b.WriteBlock(ctx, "snap-half", 6, block(8)))
	require.NoError(t, b.EndUpload(ctx, "snap-half"))
	require.Equal(t, []int64{5, 6}, changed("snap-one", "snap-half"))

	// What is given up leaves nothing, also when it was never begun.
	require.NoError(t, b.BeginUpload(ctx, "snap-one", spec("snap-three")))
	require.NoError(t, b.AbortUpload(ctx, "snap-three"))
	require.NoError(t, b.AbortUpload(ctx, "snap-three"))
	require.Empty(t, store.Volumes())
	require.Error(t, b.BeginUpload(ctx, "snap-none", spec("snap-four")))
	require.NoError(t, b.Close())
	require.NoError(t, store.Close())
}
