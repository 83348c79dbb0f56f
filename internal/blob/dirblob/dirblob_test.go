package dirblob

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/internal/blob"
	"coffer.example/internal/blob/blobtest"
)

func open(t *testing.T) blob.Store {
	s, err := Open(filepath.Join(t.TempDir(), "blobs"))
	require.NoError(t, err)
	return s
}

func TestConformance(t *testing.T) { blobtest.Run(t, open) }

// What a crash leaves of an unfinished Put is gone at the next Open; objects stay.
func TestOpenAfterCrash(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "blobs")
	s, err := Open(dir)
	require.NoError(t, err)
	blobtest.Put(t, s, "a/b", []byte("kept"))
	require.NoError(t, os.WriteFile(filepath.Join(dir, tempName, "put-1"), []byte("half"), 0o600))
	s, err = Open(dir)
	require.NoError(t, err)
	require.Equal(t, "kept", string(blobtest.Read(t, s, "a/b")))
	left, err := os.ReadDir(filepath.Join(dir, tempName))
	require.NoError(t, err)
	require.Empty(t, left)
}

// A successful Put leaves no temporary file, and files nobody else may read.
func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "blobs")
	s, err := Open(dir)
	require.NoError(t, err)
	blobtest.Put(t, s, "a/b", []byte("x"))
	left, err := os.ReadDir(filepath.Join(dir, tempName))
	require.NoError(t, err)
	require.Empty(t, left)
	info, err := os.Stat(filepath.Join(dir, "a", "b"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
}
