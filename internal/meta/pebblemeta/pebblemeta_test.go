package pebblemeta_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"coffer.example/aead"
	"coffer.example/internal/meta"
	"coffer.example/internal/meta/metatest"
	"coffer.example/internal/meta/pebblemeta"
)

const dir = "meta"

func open(t testing.TB, fs vfs.FS) *pebblemeta.Store {
	t.Helper()
	s, err := pebblemeta.Open(pebblemeta.Options{Dir: dir, FS: fs, Logf: t.Logf})
	require.NoError(t, err)
	return s
}

func TestConformance(t *testing.T) {
	metatest.Run(t, func(t *testing.T) meta.Store { return open(t, vfs.NewMem()) })
}

func TestConformanceSealed(t *testing.T) {
	key, err := aead.NewRecordKey(aead.NewSecret(bytes.Repeat([]byte{7}, 32)))
	require.NoError(t, err)
	metatest.Run(t, func(t *testing.T) meta.Store { return meta.Sealed(open(t, vfs.NewMem()), key, rand.Reader) })
}

func TestConformanceOnDisk(t *testing.T) {
	metatest.Run(t, func(t *testing.T) meta.Store {
		s, err := pebblemeta.Open(pebblemeta.Options{Dir: t.TempDir()})
		require.NoError(t, err)
		return s
	})
}

func TestReopenKeepsValuesAndRevisions(t *testing.T) {
	fs, ctx := vfs.NewMem(), context.Background()
	s := open(t, fs)
	metatest.Put(t, s, "a", "1")
	metatest.Put(t, s, "b", "2")
	require.NoError(t, s.Commit(ctx, nil, map[string][]byte{"b": nil})) // the newest revision has no value
	_, rev, err := s.Get(ctx, "a")
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())

	s = open(t, fs)
	_, again, err := s.Get(ctx, "a")
	require.NoError(t, err)
	require.Equal(t, rev, again)
	metatest.Put(t, s, "c", "3")
	_, next, err := s.Get(ctx, "c")
	require.NoError(t, err)
	require.Equal(t, rev+3, next, "revisions go on where they stopped")
	require.NoError(t, s.Close())
}

func TestDirectoryIsLocked(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, fs)
	_, err := pebblemeta.Open(pebblemeta.Options{Dir: dir, FS: fs})
	require.ErrorIs(t, err, pebblemeta.ErrInUse)
	require.NoError(t, s.Close())
	require.NoError(t, open(t, fs).Close())
}

func TestForeignDatabaseIsRefused(t *testing.T) {
	for name, record := range map[string][2]string{
		"other data":    {"x", "y"},
		"other version": {"f", "coffer-meta\x02"},
	} {
		t.Run(name, func(t *testing.T) {
			fs := vfs.NewMem()
			db, err := pebble.Open(dir, &pebble.Options{FS: fs, Logger: quiet{}})
			require.NoError(t, err)
			require.NoError(t, db.Set([]byte(record[0]), []byte(record[1]), pebble.Sync))
			require.NoError(t, db.Close())
			for range 2 { // the refusal leaves it unlocked
				_, err = pebblemeta.Open(pebblemeta.Options{Dir: dir, FS: fs})
				require.ErrorIs(t, err, pebblemeta.ErrFormat)
			}
		})
	}
}

type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(string, ...any) { panic("fatal") }

func TestEraseLeavesNoBytes(t *testing.T) {
	fs, ctx := vfs.NewMem(), context.Background()
	s := open(t, fs)
	secret := func(i int) []byte { return fmt.Appendf(nil, "secret-%04d-%s", i, bytes.Repeat([]byte{'x'}, 64)) }
	for i := range 300 {
		require.NoError(t, s.Commit(ctx, nil, map[string][]byte{fmt.Sprintf("k/%d/m", i): secret(i)}))
		if i%100 == 99 { // spread over logs and tables
			require.NoError(t, s.Erase(ctx, "none"))
		}
	}
	require.True(t, found(t, fs, secret(7)))
	require.NoError(t, s.Commit(ctx, nil, map[string][]byte{"k/7/m": nil}))
	require.NoError(t, s.Erase(ctx, "k/7/"))
	require.False(t, found(t, fs, secret(7)))
	v, _, err := s.Get(ctx, "k/8/m")
	require.NoError(t, err)
	require.Equal(t, secret(8), v)

	// An overwritten value goes too, and what Erase leaves opens again.
	require.NoError(t, s.Commit(ctx, nil, map[string][]byte{"k/9/m": []byte("public")}))
	require.NoError(t, s.Erase(ctx, "k/9/"))
	require.False(t, found(t, fs, secret(9)))
	require.NoError(t, s.Close())
	s = open(t, fs)
	require.False(t, found(t, fs, secret(7)))
	require.Len(t, metatest.Keys(t, s, "", "", 0), 299)
	require.NoError(t, s.Close())
}

// TestEraseBesideAScanThatCommits erases while a scan holds old tables and waits for a
// commit: neither waits for the other for ever.
func TestEraseBesideAScanThatCommits(t *testing.T) {
	s, ctx := open(t, vfs.NewMem()), context.Background()
	for i := range 10 {
		metatest.Put(t, s, fmt.Sprintf("k/%d", i), "value")
	}
	require.NoError(t, s.Erase(ctx, "k/")) // into a table
	erased := make(chan error, 1)
	started := false
	require.NoError(t, s.Scan(ctx, "k/", "", 0, func(key string, _ []byte, _ uint64) error {
		if !started {
			started = true
			require.NoError(t, s.Commit(ctx, nil, map[string][]byte{"k/0": nil}))
			go func() { erased <- s.Erase(ctx, "k/0") }()
			time.Sleep(50 * time.Millisecond)
		}
		return s.Commit(ctx, nil, map[string][]byte{"seen/" + key: {}})
	}))
	require.NoError(t, <-erased)

	// Without an end to the scan, Erase gives up with its context.
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	require.NoError(t, s.Scan(ctx, "k/", "", 1, func(string, []byte, uint64) error {
		require.NoError(t, s.Commit(ctx, nil, map[string][]byte{"k/1": nil}))
		require.ErrorIs(t, s.Erase(short, "k/1"), context.DeadlineExceeded)
		return nil
	}))
	require.NoError(t, s.Close())
}

// found says whether any file of the store holds b.
func found(t *testing.T, fs vfs.FS, b []byte) bool {
	t.Helper()
	names, err := fs.List(dir)
	require.NoError(t, err)
	for _, n := range names {
		f, err := fs.Open(fs.PathJoin(dir, n))
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

// TestEraseOnDisk is TestEraseLeavesNoBytes on the operating system's files, whose
// logs are preallocated and renamed for reuse.
func TestEraseOnDisk(t *testing.T) {
	ctx, where := context.Background(), t.TempDir()
	s, err := pebblemeta.Open(pebblemeta.Options{Dir: where, Logf: t.Logf})
	require.NoError(t, err)
	secret := bytes.Repeat([]byte("secret-bytes"), 20)
	for i := range 5 {
		require.NoError(t, s.Commit(ctx, nil, map[string][]byte{"k/1": secret, "k/2": []byte("stays")}))
		require.NoError(t, s.Erase(ctx, fmt.Sprint("none", i))) // turns the log over
	}
	holds := func() bool {
		entries, err := os.ReadDir(where)
		require.NoError(t, err)
		for _, e := range entries {
			b, err := os.ReadFile(filepath.Join(where, e.Name()))
			if err == nil && bytes.Contains(b, secret) {
				return true
			}
		}
		return false
	}
	require.True(t, holds())
	require.NoError(t, s.Commit(ctx, nil, map[string][]byte{"k/1": nil}))
	require.NoError(t, s.Erase(ctx, "k/1"))
	require.False(t, holds())
	require.NoError(t, s.Close())
	s, err = pebblemeta.Open(pebblemeta.Options{Dir: where, Logf: t.Logf})
	require.NoError(t, err)
	require.False(t, holds())
	require.Equal(t, []string{"k/2"}, metatest.Keys(t, s, "", "", 0))
	require.NoError(t, s.Close())
}
