package metatest

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"coffer.example/internal/meta/pebblemeta"
)

// crashDir is the directory of the store on a CrashFS.
const crashDir = "meta"

// CrashFS is a file system in memory that can lose what was not synced, for tests of
// what stands on a Pebble store.
type CrashFS struct{ fs *vfs.MemFS }

// NewCrashFS returns an empty file system.
func NewCrashFS() *CrashFS { return &CrashFS{vfs.NewCrashableMem()} }

// Open opens the store on it.
func (c *CrashFS) Open(t testing.TB) *pebblemeta.Store {
	t.Helper()
	s, err := pebblemeta.Open(pebblemeta.Options{Dir: crashDir, FS: c.fs, Logf: t.Logf})
	require.NoError(t, err)
	return s
}

// Crash returns the file system as a crash at this moment leaves it: each piece of
// unsynced data survives with a probability.
func (c *CrashFS) Crash(unsyncedPercent int, rng *rand.Rand) *CrashFS {
	return &CrashFS{c.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: unsyncedPercent, RNG: rng})}
}

// Contains says whether any file of the store holds b.
func (c *CrashFS) Contains(t testing.TB, b []byte) bool {
	t.Helper()
	names, err := c.fs.List(crashDir)
	require.NoError(t, err)
	for _, n := range names {
		f, err := c.fs.Open(c.fs.PathJoin(crashDir, n))
		if errors.Is(err, os.ErrNotExist) {
			continue // removed since
		}
		require.NoError(t, err)
		info, err := f.Stat()
		require.NoError(t, err)
		data := make([]byte, info.Size())
		if len(data) > 0 {
			_, err = f.ReadAt(data, 0)
			require.NoError(t, err)
		}
		require.NoError(t, f.Close())
		if bytes.Contains(data, b) {
			return true
		}
	}
	return false
}
