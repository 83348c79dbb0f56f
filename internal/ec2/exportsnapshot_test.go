package ec2_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/internal/blob"
	"coffer.example/internal/blob/blobtest"
	"coffer.example/internal/blob/memblob"
	"coffer.example/internal/ec2"
	"coffer.example/kms"
	"coffer.example/snapshot"
)

// exportable makes a snapshot with the given blocks under a key.
func (s *stack) exportable(caller kms.Caller, key string, blocks ...int64) string {
	snap, err := s.ec2.StartSnapshot(s.ctx, caller, ec2.UploadRequest{SizeGiB: 2, Encrypted: snapshot.True, KeyID: key})
	require.NoError(s.t, err)
	for _, index := range blocks {
		require.NoError(s.t, s.ec2.PutSnapshotBlock(s.ctx, caller, snap.ID, index, exportBlock(index)))
	}
	_, err = s.ec2.CompleteSnapshot(s.ctx, caller, snap.ID, int64(len(blocks)), nil)
	require.NoError(s.t, err)
	return snap.ID
}

func exportBlock(index int64) []byte {
	return bytes.Repeat(binary.BigEndian.AppendUint64(nil, uint64(index)+1), ec2.SnapshotBlockSize/8)
}

// An export goes to an object store and comes back under another key, with every block; its
// object shows nothing, and a changed, cut or renamed one makes no snapshot.
func TestExportSnapshot(t *testing.T) {
	s := newStack(t)
	caller := s.keys.RootCaller()
	one, two := s.createKey(), s.createKey()
	blocks := []int64{0, 1, 700, 4095}
	id := s.exportable(caller, one, blocks...)
	store := memblob.New()
	var shown int64
	name, err := s.ec2.ExportSnapshot(s.ctx, caller, ec2.ExportRequest{SnapshotID: id, KeyID: two}, store, func(done, total int64) { shown = total })
	require.NoError(t, err)
	require.EqualValues(t, len(blocks), shown)
	object := blobtest.Read(t, store, name)
	require.NotContains(t, string(object), string(exportBlock(700)[:64]))

	snap, err := s.ec2.ImportSnapshot(s.ctx, caller, ec2.ImportRequest{Object: name, KeyID: one, Description: "back"}, store, nil)
	require.NoError(t, err)
	require.Equal(t, 2, snap.SizeGiB)
	require.Equal(t, one, snap.KeyARN)
	list, err := s.ec2.SnapshotBlocks(s.ctx, caller, snap.ID, 0, 100)
	require.NoError(t, err)
	require.Equal(t, blocks, list.Indexes)
	for _, index := range blocks {
		p := make([]byte, ec2.SnapshotBlockSize)
		require.NoError(t, s.ec2.SnapshotBlock(s.ctx, caller, snap.ID, index, p))
		require.Equal(t, exportBlock(index), p)
	}

	before := len(s.store.Snapshots())
	put := func(name string, data []byte) blob.Store {
		b := memblob.New()
		require.NoError(t, b.Put(s.ctx, name, func(w io.Writer) error { _, err := w.Write(data); return err }))
		return b
	}
	for _, at := range []int{0, 9, 40, len(object) / 2, len(object) - 1} {
		damaged := bytes.Clone(object)
		damaged[at] ^= 1
		_, err := s.ec2.ImportSnapshot(s.ctx, caller, ec2.ImportRequest{Object: name, KeyID: one}, put(name, damaged), nil)
		require.Error(t, err, "byte %d", at)
	}
	for _, n := range []int{0, 5, 100, len(object) - 1} {
		_, err := s.ec2.ImportSnapshot(s.ctx, caller, ec2.ImportRequest{Object: name, KeyID: one}, put(name, object[:n]), nil)
		require.Error(t, err, "%d bytes", n)
	}
	_, err = s.ec2.ImportSnapshot(s.ctx, caller, ec2.ImportRequest{Object: "snapshots/other", KeyID: one}, put("snapshots/other", object), nil)
	require.Error(t, err, "another name")
	require.Len(t, s.store.Snapshots(), before, "no snapshot of a damaged object")
}

func (s *stack) createKey() string {
	out, err := s.keys.CreateKey(s.ctx, s.keys.RootCaller(), kms.CreateKeyInput{})
	require.NoError(s.t, err)
	return out.ARN
}
