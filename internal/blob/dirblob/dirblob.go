// Package dirblob keeps objects as files of a directory, one file per object under its
// own name, the parts of the name being directories.
//
// # Writing
//
// An object is written to a temporary file in DIR/.tmp, synced, linked to its name
// (which fails if the name exists) and its directory synced; only then does it exist. A crash
// leaves a temporary file at most; Open removes those. Directories that become empty stay:
// removing one could race with a Put into it.
package dirblob

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"coffer.example/internal/blob"
)

const (
	// tempName is the directory of files being written. No object's name starts with a dot.
	tempName = ".tmp"
	// writeBuffer gathers small writes. A sealed chunk, the usual write, is larger and passes through.
	writeBuffer = 64 << 10
	// earlyBytes is how much of an object is written before the disk is set to work on it.
	earlyBytes = 8 << 20
	dirMode    = 0o700
)

// Store is a blob.Store in a directory.
type Store struct {
	dir string

	mu   sync.Mutex      // guards made
	made map[string]bool // directories that are known to be there, durably

	deleting sync.RWMutex // a checkpoint holds it alone
}

// Open opens the store in a directory, which it makes if it is missing. One process at
// a time may hold it; the caller sees to that.
func Open(dir string) (*Store, error) {
	s := &Store{dir: dir, made: map[string]bool{}}
	temp := filepath.Join(dir, tempName)
	if err := os.RemoveAll(temp); err != nil {
		return nil, err
	}
	for _, d := range []string{dir, temp} {
		if err := os.MkdirAll(d, dirMode); err != nil {
			return nil, err
		}
	}
	return s, errors.Join(syncDir(filepath.Dir(dir)), syncDir(dir))
}

func (s *Store) path(name string) string { return filepath.Join(s.dir, filepath.FromSlash(name)) }

// Put implements blob.Store.
func (s *Store) Put(ctx context.Context, name string, write func(io.Writer) error) (err error) {
	if err := blob.CheckName(name); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Join(s.dir, tempName), "put-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(file.Name())) }()
	if err := fill(ctx, file, write); err != nil {
		return err
	}
	path := s.path(name)
	if err := s.makeDir(filepath.Dir(path)); err != nil {
		return err
	}
	err = os.Link(file.Name(), path)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: %s", blob.ErrExists, name)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// fill writes and syncs a temporary file, and closes it.
func fill(ctx context.Context, file *os.File, write func(io.Writer) error) error {
	buffered := bufio.NewWriterSize(&earlyWriter{file: file}, writeBuffer)
	err := write(buffered)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = buffered.Flush()
	}
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// makeDir makes a directory below the store's, with those above it, and syncs what holds them.
func (s *Store) makeDir(dir string) error {
	if dir == s.dir {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.made[dir] {
		return nil
	}
	for at := dir; at != s.dir; at = filepath.Dir(at) {
		if err := os.MkdirAll(at, dirMode); err != nil {
			return err
		}
		if err := syncDir(filepath.Dir(at)); err != nil {
			return err
		}
	}
	if len(s.made) >= maxMade {
		clear(s.made)
	}
	s.made[dir] = true
	return nil
}

// maxMade bounds the directories that are remembered.
const maxMade = 4096

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// object is a file with the size that it has for ever.
type object struct {
	*os.File
	size int64
}

func (o object) Size() int64 { return o.size }

// Get implements blob.Store.
func (s *Store) Get(_ context.Context, name string) (blob.Object, error) {
	if err := blob.CheckName(name); err != nil {
		return nil, err
	}
	file, err := os.Open(s.path(name))
	if err != nil {
		return nil, notFound(err, name)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, errors.Join(notFound(err, name), file.Close())
	}
	return object{file, info.Size()}, nil
}

// Stat implements blob.Store.
func (s *Store) Stat(_ context.Context, name string) (int64, error) {
	if err := blob.CheckName(name); err != nil {
		return 0, err
	}
	info, err := os.Lstat(s.path(name))
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		return 0, notFound(err, name)
	}
	return info.Size(), nil
}

// Delete implements blob.Store.
func (s *Store) Delete(ctx context.Context, name string) error {
	if _, err := s.Stat(ctx, name); err != nil {
		return err
	}
	s.deleting.RLock()
	defer s.deleting.RUnlock()
	path := s.path(name)
	if err := os.Remove(path); err != nil {
		return notFound(err, name)
	}
	return syncDir(filepath.Dir(path))
}

func notFound(err error, name string) error {
	if errors.Is(err, fs.ErrNotExist) || isNotDirectory(err) {
		return fmt.Errorf("%w: %s", blob.ErrNotFound, name)
	}
	return err
}

// isNotDirectory says that a part of a name is an object.
func isNotDirectory(err error) bool { return errors.Is(err, syscall.ENOTDIR) }
