package blockstore

import (
	"errors"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// pinnedIndex is the index as it was at one moment, while it goes on changing. It keeps
// replaced tables on disk, so its holder is done in minutes at most.
type pinnedIndex struct {
	ix *index
	at *pebble.Snapshot
}

// pin keeps the present state for reading until release.
func (ix *index) pin() (*pinnedIndex, error) {
	if err := ix.drain(); err != nil {
		return nil, err
	}
	return &pinnedIndex{ix, ix.db.NewSnapshot()}, nil
}

// scan is index.scan on the pinned state.
func (p *pinnedIndex) scan(from, to []byte, fn func(k, v []byte) (bool, error)) error {
	if err := p.ix.failure(); err != nil {
		return err
	}
	return scanIndex(p.at, from, to, fn)
}

// release ends the pin. A failed index is not called any more.
func (p *pinnedIndex) release() error {
	if p.ix.failure() != nil {
		return nil
	}
	return wrapIndex(p.at.Close())
}

// checkpoint makes dir, which must not exist, a copy of the index as it is durable now:
// hard links to its tables where the file system has them, and a copy of its log.
func (ix *index) checkpoint(dir string) error {
	if err := ix.drain(); err != nil {
		return err
	}
	return ix.run(func() error {
		return wrapIndex(ix.db.Checkpoint(dir, pebble.WithFlushedWAL()))
	})
}

// copyFile makes a durable copy of a file.
func copyFile(fsys FS, from, to string) error {
	return errors.Join(vfs.Copy(fsys, from, to), syncDir(fsys, filepath.Dir(to)))
}
