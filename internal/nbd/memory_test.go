package nbd

import (
	"context"
	"fmt"
	"sort"
	"sync"
	"sync/atomic"
)

// memoryBlock is the unit in which a memoryExport tracks holes.
const memoryBlock = 4096

// hook is called before every operation and may delay or fail it.
type hook func(op Op, off, n int64) error

// memoryExport is a sparse device in memory, with what a store would do: holes, space
// that is reserved by NO_HOLE, faults and delays.
type memoryExport struct {
	size     int64
	readOnly bool
	prompt   bool
	device   *device // where reads are started, or nil
	hook     atomic.Pointer[hook]

	misuse atomic.Int64 // calls with a range outside the export

	mu      sync.RWMutex
	blocks  map[int64]*[memoryBlock]byte // absent: a hole, or reserved
	keep    map[int64]bool               // reserved: zero, but not a hole
	flushes int
}

func newMemoryExport(size int64) *memoryExport {
	return &memoryExport{size: size, blocks: map[int64]*[memoryBlock]byte{}, keep: map[int64]bool{}}
}

// before sets the hook.
func (m *memoryExport) before(h hook) { m.hook.Store(&h) }

func (m *memoryExport) Size() int64    { return m.size }
func (m *memoryExport) ReadOnly() bool { return m.readOnly }

func (m *memoryExport) Prompt(op Op, off, n int64) bool { return m.prompt }

// enter checks what the server promises about the range.
func (m *memoryExport) enter(op Op, off, n int64) error {
	if off < 0 || n < 0 || off > m.size || n > m.size-off {
		m.misuse.Add(1)
		return fmt.Errorf("%v of [%d,+%d) in an export of %d bytes", op, off, n, m.size)
	}
	if h := m.hook.Load(); h != nil {
		return (*h)(op, off, n)
	}
	return nil
}

// pieces calls fn for every block that a range touches.
func pieces(off, n int64, fn func(block, within, length int64)) {
	for n > 0 {
		within := off % memoryBlock
		length := min(memoryBlock-within, n)
		fn(off/memoryBlock, within, length)
		off, n = off+length, n-length
	}
}

func (m *memoryExport) ReadAt(_ context.Context, p []byte, off int64) error {
	if err := m.enter(OpRead, off, int64(len(p))); err != nil {
		return err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	pieces(off, int64(len(p)), func(block, within, length int64) {
		if b := m.blocks[block]; b != nil {
			copy(p[:length], b[within:])
		} else {
			clear(p[:length])
		}
		p = p[length:]
	})
	return nil
}

func (m *memoryExport) WriteAt(_ context.Context, p []byte, off int64) error {
	if err := m.enter(OpWrite, off, int64(len(p))); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	pieces(off, int64(len(p)), func(block, within, length int64) {
		copy(m.block(block)[within:within+length], p)
		p = p[length:]
	})
	return nil
}

func (m *memoryExport) block(i int64) *[memoryBlock]byte {
	if m.blocks[i] == nil {
		m.blocks[i] = new([memoryBlock]byte)
	}
	return m.blocks[i]
}

func (m *memoryExport) Flush(context.Context) error {
	if err := m.enter(OpFlush, 0, 0); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.flushes++
	return nil
}

// flushed is the number of flushes so far.
func (m *memoryExport) flushed() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.flushes
}

func (m *memoryExport) Trim(_ context.Context, off, n int64) error {
	if err := m.enter(OpTrim, off, n); err != nil {
		return err
	}
	m.zero(off, n, false)
	return nil
}

func (m *memoryExport) WriteZeroes(_ context.Context, off, n int64, opts ZeroOptions) error {
	if err := m.enter(OpWriteZeroes, off, n); err != nil {
		return err
	}
	if opts.FastZero && opts.NoHole {
		return fmt.Errorf("reserve: %w", ErrNotSupported)
	}
	m.zero(off, n, opts.NoHole)
	return nil
}

func (m *memoryExport) zero(off, n int64, reserve bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	pieces(off, n, func(block, within, length int64) {
		if length == memoryBlock {
			delete(m.blocks, block)
			delete(m.keep, block)
		} else if b := m.blocks[block]; b != nil {
			clear(b[within : within+length])
		}
		if reserve && m.blocks[block] == nil {
			m.keep[block] = true
		}
	})
}

func (m *memoryExport) Extents(_ context.Context, off, n int64, fn func(length int64, hole, zero bool) bool) error {
	if err := m.enter(OpBlockStatus, off, n); err != nil {
		return err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	more := true
	pieces(off, n, func(block, _, length int64) {
		absent, kept := m.blocks[block] == nil, m.keep[block]
		more = more && fn(length, absent && !kept, absent)
	})
	return nil
}

// memoryRegistry is a registry of memoryExports. The empty name is the export "vol".
type memoryRegistry struct {
	mu      sync.Mutex
	exports map[string]Export
	open    int // exports that were opened and not released
}

func newMemoryRegistry(exports map[string]Export) *memoryRegistry {
	return &memoryRegistry{exports: exports}
}

func (r *memoryRegistry) Open(_ context.Context, name string) (*Opened, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if name == "" {
		name = "vol"
	}
	export := r.exports[name]
	if export == nil {
		return nil, fmt.Errorf("%q: %w", name, ErrNoExport)
	}
	r.open++
	return &Opened{export, ExportInfo{name, "memory of " + name}, r.release}, nil
}

func (r *memoryRegistry) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open--
}

func (r *memoryRegistry) remove(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.exports, name)
}

func (r *memoryRegistry) holding() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.open
}

func (r *memoryRegistry) List(context.Context) ([]ExportInfo, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var infos []ExportInfo
	for name := range r.exports {
		infos = append(infos, ExportInfo{name, "memory of " + name})
	}
	sort.Slice(infos, func(i, j int) bool { return infos[i].Name < infos[j].Name })
	return infos, nil
}

// stored is the number of bytes in blocks.
func (m *memoryExport) stored() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.blocks) * memoryBlock
}
