package pebblemeta

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable/block"
	"github.com/cockroachdb/pebble/v2/vfs"

	"coffer.example/internal/meta"
)

const (
	// pebbleFormat is FormatNewest of Pebble v2.1.7.
	pebbleFormat = pebble.FormatValueSeparation

	memTableSize = 8 << 20
	cacheSize    = 128 << 20 // holds the index and the values of some hundred thousand resources

	keyFormat    = "f"
	keyRevision  = "r"
	dataPrefix   = "d"
	formatRecord = "coffer-meta\x01"
	revisionSize = 8
)

var (
	// ErrInUse says that another process, or another Store of this one, holds the directory.
	ErrInUse = errors.New("meta: directory is in use by another process")
	// ErrFormat says that the directory is no metadata store of a known format version.
	ErrFormat = errors.New("meta: unknown format")
)

// Options configure a Store.
type Options struct {
	Dir string
	// FS is the file system; nil means the operating system's.
	FS vfs.FS
	// Logf receives Pebble's error messages; nil drops them.
	Logf func(format string, args ...any)
}

// Store is a meta.Store on Pebble. It implements meta.Eraser.
type Store struct {
	*guard
	opts  Options
	db    *pebble.DB
	lock  *pebble.Lock
	queue chan *request
	quit  chan struct{} // closed by Close: the committer ends
	ended chan struct{} // closed when the committer has ended

	mu     sync.RWMutex     // guards view and closed
	view   *pebble.Snapshot // everything that is durable
	closed bool
	scans  sync.WaitGroup // open iterators

	revision uint64 // of the newest commit; the committer's alone
}

// Open opens the store in o.Dir, creating it if need be.
func Open(o Options) (*Store, error) {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if err := o.FS.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("meta: %w", err)
	}
	lock, err := pebble.LockDirectory(o.Dir, o.FS)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrInUse, o.Dir, err)
	}
	s := &Store{guard: newGuard(o.Logf), opts: o, lock: lock,
		queue: make(chan *request), quit: make(chan struct{}), ended: make(chan struct{})}
	go s.holdLock()
	s.opening.Store(true)
	err = s.run(s.open)
	s.opening.Store(false)
	if err != nil {
		if s.err() == nil {
			close(s.ended)
			_ = lock.Close() // nothing was opened; the first error is the one to report
		}
		return nil, err
	}
	go s.commitLoop()
	return s, nil
}

// holdLock keeps the lock reachable, and so the directory locked, from a failure to
// the end of the process: goroutines of Pebble that nobody can stop may still write.
func (s *Store) holdLock() {
	select {
	case <-s.ended:
	case <-s.failed:
		never := make(chan struct{})
		<-never
	}
	runtime.KeepAlive(s.lock)
}

func (s *Store) open() error {
	cache := pebble.NewCache(cacheSize)
	defer cache.Unref()
	po := &pebble.Options{
		FS: guardFS{s.opts.FS, s.guard}, Lock: s.lock, Logger: s.guard, EventListener: s.listener(), Cache: cache,
		FormatMajorVersion: pebbleFormat, MemTableSize: memTableSize,
	}
	po.EnsureDefaults()
	for i := range po.Levels {
		po.Levels[i].Compression = func() *block.CompressionProfile { return block.NoCompression }
	}
	db, err := pebble.Open(s.opts.Dir, po)
	if err != nil {
		return s.wrap(err)
	}
	s.db = db
	if err := s.checkFormat(); err != nil {
		return errors.Join(err, db.Close())
	}
	s.view = db.NewSnapshot()
	return nil
}

// checkFormat reads the format record and the revision, and writes them to an empty store.
func (s *Store) checkFormat() error {
	format, err := s.read(s.db, keyFormat)
	if errors.Is(err, meta.ErrNotFound) {
		return s.initialise()
	}
	if err != nil {
		return err
	}
	if string(format) != formatRecord {
		return fmt.Errorf("%w: %s", ErrFormat, s.opts.Dir)
	}
	rev, err := s.read(s.db, keyRevision)
	if err != nil || len(rev) != revisionSize {
		return fmt.Errorf("%w: %s has no revision", ErrFormat, s.opts.Dir)
	}
	s.revision = binary.BigEndian.Uint64(rev)
	return nil
}

func (s *Store) initialise() error {
	it, err := s.db.NewIter(nil)
	if err != nil {
		return s.wrap(err)
	}
	occupied := it.First()
	if err := it.Close(); err != nil {
		return s.wrap(err)
	}
	if occupied {
		return fmt.Errorf("%w: %s holds another Pebble database", ErrFormat, s.opts.Dir)
	}
	b := s.db.NewBatch()
	_ = b.Set([]byte(keyFormat), []byte(formatRecord), nil) // a batch not yet committed returns no error
	_ = b.Set([]byte(keyRevision), make([]byte, revisionSize), nil)
	if err := b.Commit(pebble.Sync); err != nil {
		return s.wrap(err)
	}
	return nil
}

// read returns a copy of a raw Pebble value.
func (s *Store) read(r pebble.Reader, key string) ([]byte, error) {
	v, closer, err := r.Get([]byte(key))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, meta.ErrNotFound
	}
	if err != nil {
		return nil, s.wrap(err)
	}
	out := append([]byte{}, v...)
	if err := closer.Close(); err != nil {
		return nil, s.wrap(err)
	}
	return out, nil
}

// Failed returns why the store has failed, or nil while it works.
func (s *Store) Failed() error { return s.err() }

// usable reports a failed or closed store or a cancelled context. s.mu is held.
func (s *Store) usable(ctx context.Context) error {
	if err := s.err(); err != nil {
		return err
	}
	if s.closed {
		return fmt.Errorf("%w: closed", meta.ErrFailed)
	}
	return ctx.Err()
}

// Get implements meta.Store.
func (s *Store) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	if err := meta.CheckKey(key); err != nil {
		return nil, 0, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(ctx); err != nil {
		return nil, 0, err
	}
	v, err := s.read(s.view, dataPrefix+key)
	if err != nil {
		return nil, 0, err
	}
	if len(v) < revisionSize {
		return nil, 0, fmt.Errorf("%w: %q", meta.ErrCorrupt, key)
	}
	return v[revisionSize:], binary.BigEndian.Uint64(v), nil
}

// Scan implements meta.Store.
func (s *Store) Scan(ctx context.Context, prefix, after string, limit int, fn func(string, []byte, uint64) error) error {
	it, err := s.iterate(ctx, prefix)
	if err != nil {
		return err
	}
	defer s.scans.Done()
	err = s.walk(ctx, it, max(prefix, after), after, limit, fn)
	if cerr := it.Close(); err == nil && cerr != nil {
		err = s.wrap(cerr)
	}
	return err
}

// iterate opens an iterator on the present view and counts it in s.scans.
func (s *Store) iterate(ctx context.Context, prefix string) (*pebble.Iterator, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	lower, upper := bounds(prefix)
	it, err := s.view.NewIterWithContext(ctx, &pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return nil, s.wrap(err)
	}
	s.scans.Add(1)
	return it, nil
}

func (s *Store) walk(ctx context.Context, it *pebble.Iterator, from, after string, limit int, fn func(string, []byte, uint64) error) error {
	n := 0
	for ok := it.SeekGE([]byte(dataPrefix + from)); ok && (limit <= 0 || n < limit); ok = it.Next() {
		key := string(it.Key()[len(dataPrefix):])
		if key <= after {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		v := it.Value()
		if len(v) < revisionSize {
			return fmt.Errorf("%w: %q", meta.ErrCorrupt, key)
		}
		if err := fn(key, v[revisionSize:], binary.BigEndian.Uint64(v)); err != nil {
			return err
		}
		n++
	}
	if err := it.Error(); err != nil {
		return s.wrap(err)
	}
	return nil
}

// bounds returns the range of Pebble keys of the data keys that start with prefix.
// Data keys are UTF-8, so no byte of one is 0xff.
func bounds(prefix string) (lower, upper []byte) {
	return []byte(dataPrefix + prefix), append([]byte(dataPrefix+prefix), 0xff)
}

// Close ends the committer, waits for scans and closes Pebble. A failed store returns
// its failure and stays locked.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	close(s.quit)
	if err := s.err(); err != nil {
		return err
	}
	return s.run(func() error {
		<-s.ended
		s.scans.Wait()
		return errors.Join(s.view.Close(), s.db.Close(), s.lock.Close())
	})
}
