package pebblemeta

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// erasePoll is how often Erase looks whether Pebble has removed its obsolete files.
const erasePoll = 5 * time.Millisecond

// Erase implements meta.Eraser. It flushes the memtable, compacts the range so that
// older versions leave the tables, waits until those tables are deleted, and
// overwrites retired logs, which Pebble keeps for reuse. A scan that is in progress
// holds the old tables: Erase waits for it as long as ctx allows.
//
// Blocks that the file system has freed are beyond its reach; they held only sealed values.
func (s *Store) Erase(ctx context.Context, prefix string) error {
	lower, upper := bounds(prefix)
	if err := s.inCommitter(ctx, func() error { return s.coverDeleted(lower, upper) }); err != nil {
		return err
	}
	// Commits go on meanwhile: a scan that holds old tables may itself wait for one.
	if err := s.run(func() error { return s.db.Compact(ctx, lower, upper, false) }); err != nil {
		return s.wrap(err)
	}
	for {
		gone := false
		if err := s.run(func() error { gone = s.obsoleteGone(); return nil }); err != nil {
			return err
		}
		if gone {
			break
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("meta: erase: obsolete files remain: %w", ctx.Err())
		case <-s.failed:
			return s.err()
		case <-time.After(erasePoll):
		}
	}
	return s.inCommitter(ctx, s.retireLogs)
}

// inCommitter runs fn in the committer, so that no log is switched or reused beside it.
func (s *Store) inCommitter(ctx context.Context, fn func() error) error {
	return s.submit(ctx, &request{work: fn, done: make(chan error, 1)})
}

// coverDeleted flushes, after it has put a range tombstone over a range without live
// keys: deleted versions that already lie in the lowest level are rewritten only below
// something.
func (s *Store) coverDeleted(lower, upper []byte) error {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return s.wrap(err)
	}
	live := it.First()
	if err := it.Close(); err != nil {
		return s.wrap(err)
	}
	if !live {
		if err := s.db.DeleteRange(lower, upper, pebble.Sync); err != nil {
			return s.wrap(err)
		}
	}
	s.publish() // an older snapshot would keep the old versions
	return s.flush()
}

func (s *Store) flush() error {
	if err := s.db.Flush(); err != nil {
		return s.wrap(err)
	}
	return nil
}

func (s *Store) obsoleteGone() bool {
	m := s.db.Metrics()
	return m.Table.ObsoleteCount == 0 && m.Table.ZombieCount == 0
}

// retireLogs overwrites all that the logs hold. The log that a flush begins may be an
// old one, used again from its start, with old bytes behind: a second round reaches it.
func (s *Store) retireLogs() error {
	for range 2 {
		if err := s.flush(); err != nil {
			return err
		}
		if err := s.overwriteLogs(); err != nil {
			return err
		}
	}
	return nil
}

// overwriteLogs zeroes every log but the newest. After a flush with no commit beside
// it, only the newest log is live; the others wait to be reused from their start.
func (s *Store) overwriteLogs() error {
	fs := s.opts.FS
	names, err := fs.List(s.opts.Dir)
	if err != nil {
		return s.wrap(err)
	}
	newest := ""
	for _, n := range names {
		if strings.HasSuffix(n, ".log") && (len(n) > len(newest) || len(n) == len(newest) && n > newest) {
			newest = n
		}
	}
	for _, n := range names {
		if strings.HasSuffix(n, ".log") && n != newest {
			err := overwrite(fs, fs.PathJoin(s.opts.Dir, n))
			if err != nil && !errors.Is(err, os.ErrNotExist) { // Pebble removes what it will not use again
				return s.wrap(err)
			}
		}
	}
	return nil
}

// overwrite replaces the contents of a file by zeros.
func overwrite(fs vfs.FS, path string) (err error) {
	f, err := fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	zeros := make([]byte, 64<<10)
	for off := int64(0); off < info.Size(); {
		n, err := f.WriteAt(zeros[:min(int64(len(zeros)), info.Size()-off)], off)
		if err != nil {
			return err
		}
		if n == 0 {
			return io.ErrShortWrite
		}
		off += int64(n)
	}
	return f.Sync()
}
