package blockstore

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// FS is the file system under index, superblock and, when it is injected, zones:
// Pebble's interface, whose crashable in-memory implementation drives the crash tests.
type FS = vfs.FS

const (
	indexCacheSize   = 208 << 20
	indexMemTable    = 32 << 20
	indexTargetTable = 16 << 20
	bloomBitsPerKey  = 10
)

// index is the Pebble instance that holds every record of doc.go. It is the only
// place that knows Pebble. After a failure it answers only errors: Pebble has written
// to its log that it must exit, may hold its locks, and is never called again.
type index struct {
	db *pebble.DB

	mu     sync.Mutex // guards err
	err    error
	failed chan struct{} // closed when err is set

	opening atomic.Bool
	commits atomic.Uint64

	later later
}

// indexComparer compares bytes; the generation of an extent key is its suffix, so
// the bloom filter and SeekPrefixGE work on (volume, extent).
func indexComparer() *pebble.Comparer {
	c := *pebble.DefaultComparer
	c.Name = "coffer.extent.v1"
	c.Split = func(k []byte) int {
		if len(k) == extentKeySize && k[0] == prefixExtent {
			return extentKeySplit
		}
		return len(k)
	}
	c.Separator = func(dst, a, _ []byte) []byte { return append(dst, a...) }
	c.Successor = func(dst, a []byte) []byte { return append(dst, a...) }
	c.ImmediateSuccessor = func(dst, a []byte) []byte { return append(append(dst, a...), 0) }
	return &c
}

func openIndex(fs FS, dir string, readOnly bool, onCorruption func(string)) (*index, error) {
	ix := &index{failed: make(chan struct{})}
	cache := pebble.NewCache(indexCacheSize)
	defer cache.Unref()
	o := &pebble.Options{
		FS:                          indexFS{fs, ix},
		Cache:                       cache,
		Comparer:                    indexComparer(),
		FormatMajorVersion:          pebble.FormatValueSeparation, // by name: a library upgrade must not change a released format
		MemTableSize:                indexMemTable,
		MemTableStopWritesThreshold: 4,
		Logger:                      indexLogger{ix},
		ReadOnly:                    readOnly,
		MaxOpenFiles:                1000,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 2 },
		EventListener: &pebble.EventListener{
			DataCorruption:  func(i pebble.DataCorruptionInfo) { onCorruption(i.Path) },
			BackgroundError: func(error) {}, // Pebble retries flushes and compactions itself
		},
	}
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(bloomBitsPerKey)
		o.Levels[i].Compression = func() *sstable.CompressionProfile { return sstable.NoCompression } // tags do not compress
		o.TargetFileSizes[i] = indexTargetTable
	}
	ix.opening.Store(true)
	err := ix.run(func() (err error) { ix.db, err = pebble.Open(dir, o); return err })
	ix.opening.Store(false)
	if err != nil {
		return nil, fmt.Errorf("blockstore: open index: %w", err)
	}
	return ix, nil
}

// indexLogger drops Pebble's chatter and turns its fatal errors into a failed store.
type indexLogger struct{ ix *index }

func (l indexLogger) Infof(string, ...any)  {}
func (l indexLogger) Errorf(string, ...any) {}

// Fatalf marks the store failed and parks the calling goroutine for ever. It must not
// return: Pebble would go on as if a failed synced write had succeeded. Nor may it end
// the goroutine: Pebble's deferred functions would take apart what its other
// goroutines still use, and their panics end the process.
func (l indexLogger) Fatalf(format string, args ...any) {
	l.ix.fail(fmt.Errorf(format, args...))
	select {}
}

func (ix *index) fail(err error) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	if ix.err == nil {
		ix.err = fmt.Errorf("%w: index: %w", ErrFailed, err)
		close(ix.failed)
	}
}

// indexFS fails the store where Pebble would panic in a goroutine of its own: when
// the sync of its directory fails, or, while it is being opened, when it cannot write
// a file: it would then take apart what its first flush still uses.
type indexFS struct {
	vfs.FS
	ix *index
}

func (f indexFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := f.FS.Create(name, c)
	if err != nil || !f.ix.opening.Load() {
		return file, f.ix.whileOpening(err)
	}
	return indexFile{file, f.ix}, nil
}

func (f indexFS) Rename(from, to string) error { return f.ix.whileOpening(f.FS.Rename(from, to)) }

// indexFile is a file that was created while the index was being opened.
type indexFile struct {
	vfs.File
	ix *index
}

func (f indexFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	return n, f.ix.whileOpening(err)
}

func (f indexFile) Sync() error { return f.ix.whileOpening(f.File.Sync()) }

// whileOpening does not return an error before the index is open.
func (ix *index) whileOpening(err error) error {
	if err != nil && ix.opening.Load() {
		indexLogger{ix}.Fatalf("open: %w", err)
	}
	return err
}

// Unwrap is for Pebble, which looks for the file system below.
func (f indexFS) Unwrap() vfs.FS { return f.FS }

func (f indexFS) OpenDir(name string) (vfs.File, error) {
	d, err := f.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return indexDir{d, f.ix}, nil
}

type indexDir struct {
	vfs.File
	ix *index
}

func (d indexDir) Sync() error {
	if err := d.File.Sync(); err != nil {
		indexLogger{d.ix}.Fatalf("sync of its directory: %w", err)
	}
	return nil
}

// failure returns why the index has failed, or nil.
func (ix *index) failure() error {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	return ix.err
}

// run calls f in a goroutine of its own and waits for it or for the failed signal:
// Pebble may park the goroutine that calls it.
func (ix *index) run(f func() error) error {
	if err := ix.failure(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil { // how Pebble ends when its commit pipeline breaks
				ix.fail(fmt.Errorf("%v", r))
			}
		}()
		done <- f()
	}()
	select {
	case err := <-done:
		return err
	case <-ix.failed:
		return ix.failure()
	}
}

func (ix *index) close() error {
	if ix.failure() != nil {
		return nil
	}
	return errors.Join(ix.drain(), ix.run(ix.db.Close))
}

// batch collects records of one atomic commit.
type batch struct {
	b *pebble.Batch
}

func (ix *index) newBatch() *batch { return &batch{ix.db.NewBatch()} }

// A batch in memory returns no errors.
func (b *batch) set(key, value []byte) { _ = b.b.Set(key, value, nil) }
func (b *batch) delete(key []byte)     { _ = b.b.Delete(key, nil) }
func (b *batch) empty() bool           { return b.b.Empty() }

// size is the length of repr, the batch's operations in bytes, which batchOf takes.
func (b *batch) size() int    { return b.b.Len() }
func (b *batch) repr() []byte { return b.b.Repr() }

// batchOf makes a batch of the operations that repr returned.
func (ix *index) batchOf(repr []byte) (*batch, error) {
	b := ix.db.NewBatch()
	if err := b.SetRepr(append([]byte(nil), repr...)); err != nil {
		return nil, err
	}
	return &batch{b}, nil
}

// deleteRange deletes the keys in [from, to).
func (b *batch) deleteRange(from, to []byte) { _ = b.b.DeleteRange(from, to, nil) }

// sync makes everything that was applied durable.
func (ix *index) sync() error {
	if err := ix.drain(); err != nil {
		return err
	}
	err := ix.run(func() error { return ix.db.LogData(nil, pebble.Sync) })
	if err != nil {
		ix.fail(err)
		return ix.failure()
	}
	return nil
}

// commit applies the batch and syncs it. After an error the store has failed: the
// batch may or may not be durable.
func (ix *index) commit(b *batch) error {
	if err := ix.drain(); err != nil {
		return err
	}
	if err := ix.commitWith(b.b, pebble.Sync); err != nil {
		return err
	}
	ix.commits.Add(1)
	return nil
}

func (ix *index) commitWith(b *pebble.Batch, o *pebble.WriteOptions) error {
	err := ix.run(func() error {
		if err := b.Commit(o); err != nil {
			return err
		}
		return b.Close()
	})
	if err != nil {
		ix.fail(err)
		return ix.failure()
	}
	return nil
}

// get returns a copy of the value of key, or ErrNotFound.
func (ix *index) get(key []byte) ([]byte, error) {
	if err := ix.drain(); err != nil {
		return nil, err
	}
	v, closer, err := ix.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("blockstore: read index: %w", err)
	}
	defer closer.Close()
	return append([]byte(nil), v...), nil
}

// newest calls fn with the newest record of an extent whose generation is at most
// generation. It returns false if there is none. v is valid during fn.
func (ix *index) newest(volume uint32, extent uint64, generation uint32, fn func(gen uint32, v []byte) error) (bool, error) {
	l := lookup{ix: ix}
	defer l.close()
	return l.newest(volume, extent, generation, fn)
}

// lookup finds newest records in the state that the index had at its first call: many of
// them faster than one by one, most of all in ascending order. It is for one goroutine.
type lookup struct {
	ix *index
	it *pebble.Iterator
}

func (l *lookup) newest(volume uint32, extent uint64, generation uint32, fn func(gen uint32, v []byte) error) (bool, error) {
	if err := l.open(); err != nil {
		return false, err
	}
	var buf [extentKeySize]byte
	if !l.it.SeekPrefixGE(appendExtentKey(buf[:0], volume, extent, generation)) {
		return false, wrapIndex(l.it.Error())
	}
	_, _, gen := parseExtentKey(l.it.Key())
	v, err := l.it.ValueAndErr()
	if err != nil {
		return false, wrapIndex(err)
	}
	return true, fn(gen, v)
}

func (l *lookup) open() (err error) {
	if l.it != nil {
		return l.ix.failure()
	}
	if err := l.ix.drain(); err != nil {
		return err
	}
	if l.it, err = l.ix.db.NewIter(nil); err != nil {
		return fmt.Errorf("blockstore: read index: %w", err)
	}
	return nil
}

func (l *lookup) close() {
	if l.it != nil && l.ix.failure() == nil { // a failed Pebble is not called again
		l.it.Close()
	}
}

// scan calls fn for the keys in [from, to) in order until it returns false or an error.
// It sees one state of the index. k and v are valid during fn.
func (ix *index) scan(from, to []byte, fn func(k, v []byte) (bool, error)) error {
	if err := ix.drain(); err != nil {
		return err
	}
	return scanIndex(ix.db, from, to, fn)
}

func scanIndex(r pebble.Reader, from, to []byte, fn func(k, v []byte) (bool, error)) error {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return wrapIndex(err)
	}
	for it.First(); it.Valid(); it.Next() {
		v, err := it.ValueAndErr()
		if err != nil {
			return errors.Join(wrapIndex(err), it.Close())
		}
		more, err := fn(it.Key(), v)
		if err != nil || !more {
			return errors.Join(err, it.Close())
		}
	}
	return wrapIndex(errors.Join(it.Error(), it.Close()))
}

// extentBounds cuts the extent records into ranges between consecutive bounds, about one for
// every table of the index; none ends within an extent.
func (ix *index) extentBounds() ([][]byte, error) {
	if err := ix.drain(); err != nil {
		return nil, err
	}
	tables, err := ix.db.SSTables()
	if err != nil {
		return nil, wrapIndex(err)
	}
	bounds := [][]byte{{prefixExtent}, rangeEnd([]byte{prefixExtent})}
	for _, level := range tables {
		for _, t := range level {
			if k := t.Smallest.UserKey; len(k) == extentKeySize && k[0] == prefixExtent {
				bounds = append(bounds, k[:extentKeySplit])
			}
		}
	}
	slices.SortFunc(bounds, bytes.Compare)
	return slices.CompactFunc(bounds, bytes.Equal), nil
}

func wrapIndex(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("blockstore: read index: %w", err)
}

// lockDirectory takes the store's lock file.
func lockDirectory(fs FS, path string) (io.Closer, error) {
	l, err := fs.Lock(path)
	if err != nil {
		return nil, fmt.Errorf("%w (%v)", ErrLocked, err)
	}
	return l, nil
}

// defaultFS is the operating system's file system.
func defaultFS() FS { return vfs.Default }

// writeFileSync creates or replaces the content of a small file in place and syncs it.
func writeFileSync(fs FS, path string, data []byte) error {
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}

// readFile reads a whole file of at most limit bytes.
func readFile(fs FS, path string, limit int64) ([]byte, error) {
	f, err := fs.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var b bytes.Buffer
	n, err := b.ReadFrom(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if n > limit {
		return nil, fmt.Errorf("%s: longer than %d bytes", path, limit)
	}
	return b.Bytes(), nil
}

func syncDir(fs FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func openZoneFS(fs FS, path string) (vfs.File, error) {
	return fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
}

func freeBytes(fs FS, dir string) (uint64, error) {
	u, err := fs.GetDiskUsage(dir)
	return u.AvailBytes, err
}
