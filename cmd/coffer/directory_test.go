package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func newDirectory(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data")
	d, err := createDirectory(path, false)
	require.NoError(t, err)
	require.NoError(t, d.finish())
	require.NoError(t, d.release())
	return path
}

func TestOneProcessPerDirectory(t *testing.T) {
	path := newDirectory(t)
	first, err := openDirectory(path)
	require.NoError(t, err)
	_, err = openDirectory(path)
	require.ErrorIs(t, err, errBusy)
	require.NoError(t, first.release())
	second, err := openDirectory(path)
	require.NoError(t, err)
	require.NoError(t, second.release())
}

func TestDirectoryMustBeOurs(t *testing.T) {
	empty := t.TempDir()
	_, err := openDirectory(empty)
	require.ErrorIs(t, err, errNotData)
	_, err = openDirectory(filepath.Join(empty, "absent"))
	require.ErrorIs(t, err, errNotData)

	file := filepath.Join(empty, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = openDirectory(file)
	require.ErrorIs(t, err, errNotData)
	_, err = createDirectory(empty, false)
	require.ErrorContains(t, err, "is not empty")

	entries, err := os.ReadDir(empty)
	require.NoError(t, err)
	require.Len(t, entries, 1, "a refusal changes nothing")
}

func TestDirectoryMustBePrivate(t *testing.T) {
	path := newDirectory(t)
	require.NoError(t, os.Chmod(path, 0o755))
	_, err := openDirectory(path)
	require.ErrorContains(t, err, "chmod 700")
}

func TestUnknownMarker(t *testing.T) {
	path := newDirectory(t)
	require.NoError(t, os.WriteFile(filepath.Join(path, markerName), []byte("coffer data directory 9\n"), 0o600))
	_, err := openDirectory(path)
	require.ErrorContains(t, err, "another version")
}

func TestRootKeyFileLiesOutside(t *testing.T) {
	path := newDirectory(t)
	require.NoError(t, checkOutside(path, (&rootFlags{}).keyFileOf(path, false)))
	require.NoError(t, checkOutside(path, filepath.Join(filepath.Dir(path), "key")))
	require.Error(t, checkOutside(path, filepath.Join(path, "key")))

	link := filepath.Join(filepath.Dir(path), "link")
	require.NoError(t, os.Symlink(path, link))
	require.Error(t, checkOutside(path, filepath.Join(link, "key")))
}
