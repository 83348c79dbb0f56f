package audit

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"sync"
)

var errInjected = errors.New("injected fault")

// memFS is a file system in memory that can fail its operation N, before or after
// applying it, and can crash: what was not synced is lost in whole or in part.
type memFS struct {
	mu     sync.Mutex
	files  map[string]*memFile // by full path
	linked map[string]*memFile // as the directory is on disk
	ops    int
	failAt int    // operation to fail; 0: none
	after  bool   // fail after applying
	kind   string // only operations of this kind count; empty: all
	sticky bool   // every operation from failAt on fails
}

type memFile struct {
	data   []byte
	synced int // bytes known to be on disk; a truncation lowers it
}

func newMemFS() *memFS {
	return &memFS{files: map[string]*memFile{}, linked: map[string]*memFile{}}
}

// do runs an operation, or fails it.
func (m *memFS) do(kind string, op func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	fail := false
	if m.kind == "" || m.kind == kind {
		m.ops++
		fail = m.failAt > 0 && (m.ops == m.failAt || m.sticky && m.ops > m.failAt)
	}
	if fail && !m.after {
		return errInjected
	}
	if err := op(); err != nil || !fail {
		return err
	}
	return errInjected
}

// crash loses what was not synced: of each file a random part of its unsynced end
// stays, sometimes with garbage; entries that were not synced may go.
func (m *memFS) crash(rng *rand.Rand) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failAt, m.ops = 0, 0
	files := map[string]*memFile{}
	for name, f := range m.files {
		if m.linked[name] != f && rng.IntN(2) == 0 {
			continue
		}
		keep := f.synced + rng.IntN(len(f.data)-f.synced+1)
		data := bytes.Clone(f.data[:keep])
		if keep > f.synced && rng.IntN(3) == 0 {
			for i := f.synced; i < keep; i++ {
				if rng.IntN(4) == 0 {
					data[i] = 0
				}
			}
		}
		files[name] = &memFile{data: data, synced: len(data)}
	}
	m.files = files
	m.linked = map[string]*memFile{}
	for name, f := range files {
		m.linked[name] = f
	}
}

func (m *memFS) MkdirAll(string) error { return m.do("mkdir", func() error { return nil }) }

func (m *memFS) ReadDir(dir string) (names []string, err error) {
	err = m.do("readdir", func() error {
		for name := range m.files {
			if filepath.Dir(name) == dir {
				names = append(names, filepath.Base(name))
			}
		}
		return nil
	})
	return names, err
}

func (m *memFS) Create(name string) (File, error) {
	var f *memFile
	err := m.do("create", func() error {
		if m.files[name] != nil {
			return fs.ErrExist
		}
		f = &memFile{}
		m.files[name] = f
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &memHandle{m, f}, nil
}

func (m *memFS) Append(name string) (File, error) {
	var f *memFile
	err := m.do("append", func() error {
		if f = m.files[name]; f == nil {
			return fs.ErrNotExist
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &memHandle{m, f}, nil
}

type memReader struct{ *bytes.Reader }

func (memReader) Close() error { return nil }

func (m *memFS) Open(name string) (io.ReadSeekCloser, error) {
	var r memReader
	err := m.do("open", func() error {
		f := m.files[name]
		if f == nil {
			return fs.ErrNotExist
		}
		r = memReader{bytes.NewReader(bytes.Clone(f.data))}
		return nil
	})
	return r, err
}

func (m *memFS) Remove(name string) error {
	return m.do("remove", func() error {
		delete(m.files, name)
		return nil
	})
}

func (m *memFS) SyncDir(dir string) error {
	return m.do("syncdir", func() error {
		m.linked = map[string]*memFile{}
		for name, f := range m.files {
			m.linked[name] = f
		}
		return nil
	})
}

type memHandle struct {
	m *memFS
	f *memFile
}

func (h *memHandle) Write(p []byte) (n int, err error) {
	err = h.m.do("write", func() error {
		h.f.data = append(h.f.data, p...)
		n = len(p)
		return nil
	})
	if err != nil && n > 0 { // failed after applying: a short write
		n = len(p) / 2
		h.m.mu.Lock()
		h.f.data = h.f.data[:len(h.f.data)-len(p)+n]
		h.m.mu.Unlock()
	}
	return n, err
}

func (h *memHandle) Sync() error {
	return h.m.do("sync", func() error {
		h.f.synced = len(h.f.data)
		return nil
	})
}

func (h *memHandle) Truncate(size int64) error {
	return h.m.do("truncate", func() error {
		h.f.data = h.f.data[:size]
		h.f.synced = min(h.f.synced, int(size))
		return nil
	})
}

func (h *memHandle) Close() error { return h.m.do("close", func() error { return nil }) }
