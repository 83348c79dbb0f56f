package blockstore

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// faultFS counts every operation that changes something, tells a hook before and
// after each, and lets a fault make it fail. Below it lies Pebble's crashable memory
// file system, so an image of it is what a power cut may leave: per 4 KiB the synced
// or the newest content. For zones it adds what a device may leave besides: of each
// 512-byte sector written since the last sync, any version.
type faultFS struct {
	vfs.FS // the memory file system
	mem    *vfs.MemFS

	mu      sync.Mutex // guards the fields below
	ops     int
	written map[string][]zoneWrite // by zone file, in order, since its last sync

	// op is called before (done false) and after each operation; an error fails it
	// there: an operation that fails afterwards has been applied.
	op func(n int, name fsOp, path string, done bool) error
}

// fsOp names an operation.
type fsOp string

const (
	opCreate fsOp = "create"
	opRemove fsOp = "remove"
	opRename fsOp = "rename"
	opMkdir  fsOp = "mkdir"
	opWrite  fsOp = "write"
	opSync   fsOp = "sync"
	opRead   fsOp = "read" // not counted
)

type zoneWrite struct {
	offset int64
	data   []byte
}

var errInjected = errors.New("injected fault")

func newFaultFS(mem *vfs.MemFS) *faultFS {
	return &faultFS{FS: mem, mem: mem, written: map[string][]zoneWrite{}}
}

func (f *faultFS) Unwrap() vfs.FS { return f.FS }

func isZone(path string) bool { return strings.HasSuffix(path, ".dat") }

// do runs an operation between its hooks.
func (f *faultFS) do(name fsOp, path string, apply func() error) error {
	n := 0
	f.mu.Lock()
	if name != opRead {
		f.ops++
		n = f.ops
	}
	op := f.op
	f.mu.Unlock()
	if op == nil {
		return apply()
	}
	if err := op(n, name, path, false); err != nil {
		return err
	}
	if err := apply(); err != nil {
		return err
	}
	return op(n, name, path, true)
}

func (f *faultFS) setOp(op func(n int, name fsOp, path string, done bool) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.op = op
}

func (f *faultFS) operations() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ops
}

// image returns the file system as a crash now may leave it.
func (f *faultFS) image(r *rand.Rand) *vfs.MemFS {
	f.mu.Lock()
	defer f.mu.Unlock()
	image := f.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 30, 70, 100}[r.IntN(4)], RNG: r})
	keep := r.IntN(101)
	for path, writes := range f.written {
		if _, err := image.Stat(path); err != nil {
			continue // the zone's directory entry was lost
		}
		file, err := image.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
		if err != nil {
			continue
		}
		for _, i := range r.Perm(len(writes)) {
			for at := 0; at < len(writes[i].data); at += 512 {
				if r.IntN(100) < keep {
					_, _ = file.WriteAt(writes[i].data[at:at+512], writes[i].offset+int64(at))
				}
			}
		}
		_ = file.Sync()
		_ = file.Close()
	}
	return image
}

func (f *faultFS) Create(name string, c vfs.DiskWriteCategory) (out vfs.File, err error) {
	err = f.do(opCreate, name, func() (err error) { out, err = f.FS.Create(name, c); return err })
	return f.wrap(out, name, err)
}

func (f *faultFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (out vfs.File, err error) {
	open := func() (err error) { out, err = f.FS.OpenReadWrite(name, c, o...); return err }
	if _, missing := f.FS.Stat(name); missing != nil {
		err = f.do(opCreate, name, open)
	} else {
		err = open()
	}
	return f.wrap(out, name, err)
}

func (f *faultFS) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	out, err := f.FS.Open(name, o...)
	return f.wrap(out, name, err)
}

func (f *faultFS) OpenDir(name string) (vfs.File, error) {
	out, err := f.FS.OpenDir(name)
	return f.wrap(out, name, err)
}

func (f *faultFS) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (out vfs.File, err error) {
	err = f.do(opRename, to, func() (err error) { out, err = f.FS.ReuseForWrite(from, to, c); return err })
	return f.wrap(out, to, err)
}

func (f *faultFS) wrap(file vfs.File, name string, err error) (vfs.File, error) {
	if err != nil {
		if file != nil {
			_ = file.Close()
		}
		return nil, err
	}
	return &faultFile{File: file, fs: f, path: name}, nil
}

func (f *faultFS) Link(from, to string) error {
	return f.do(opCreate, to, func() error { return f.FS.Link(from, to) })
}

func (f *faultFS) Remove(name string) error {
	return f.do(opRemove, name, func() error { return f.FS.Remove(name) })
}

func (f *faultFS) RemoveAll(name string) error {
	return f.do(opRemove, name, func() error { return f.FS.RemoveAll(name) })
}

func (f *faultFS) Rename(from, to string) error {
	return f.do(opRename, to, func() error { return f.FS.Rename(from, to) })
}

func (f *faultFS) MkdirAll(dir string, perm os.FileMode) error {
	return f.do(opMkdir, dir, func() error { return f.FS.MkdirAll(dir, perm) })
}

// faultFile is a file or directory of a faultFS.
type faultFile struct {
	vfs.File
	fs   *faultFS
	path string
}

func (f *faultFile) Write(p []byte) (n int, err error) {
	err = f.fs.do(opWrite, f.path, func() (err error) { n, err = f.File.Write(p); return err })
	return n, err
}

func (f *faultFile) WriteAt(p []byte, off int64) (n int, err error) {
	err = f.fs.do(opWrite, f.path, func() (err error) {
		f.fs.mu.Lock()
		if isZone(f.path) {
			f.fs.written[f.path] = append(f.fs.written[f.path], zoneWrite{off, slices.Clone(p)})
		}
		f.fs.mu.Unlock()
		n, err = f.File.WriteAt(p, off)
		return err
	})
	return n, err
}

func (f *faultFile) ReadAt(p []byte, off int64) (n int, err error) {
	err = f.fs.do(opRead, f.path, func() (err error) { n, err = f.File.ReadAt(p, off); return err })
	return n, err
}

func (f *faultFile) Sync() error { return f.sync(f.File.Sync) }

func (f *faultFile) SyncData() error { return f.sync(f.File.SyncData) }

// sync makes what was written before it began durable; later writes stay loose.
func (f *faultFile) sync(apply func() error) error {
	return f.fs.do(opSync, f.path, func() error {
		f.fs.mu.Lock()
		n := len(f.fs.written[f.path])
		f.fs.mu.Unlock()
		if err := apply(); err != nil {
			return err
		}
		if inIndex(f.path) {
			// Syncing a new file makes its name durable on the file systems of Linux, and
			// Pebble counts on it. Outside the index nothing does.
			if err := syncDir(f.fs.FS, filepath.Dir(f.path)); err != nil {
				return err
			}
		}
		f.fs.mu.Lock()
		defer f.fs.mu.Unlock()
		if n > 0 {
			f.fs.written[f.path] = slices.Clone(f.fs.written[f.path][n:])
		}
		return nil
	})
}

func (f *faultFile) SyncTo(int64) (bool, error) { return true, f.SyncData() }

func inIndex(path string) bool { return filepath.Base(filepath.Dir(path)) == "index" }
