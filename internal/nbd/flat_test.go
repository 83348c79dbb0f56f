package nbd

import "context"

// flatExport is plain memory, as nbdkit's memory plugin is.
type flatExport struct {
	memoryExport
	mem []byte
}

func newFlatExport(size int64, prompt bool) *flatExport {
	f := &flatExport{mem: make([]byte, size)}
	f.size, f.prompt = size, prompt
	return f
}

func (f *flatExport) ReadAt(_ context.Context, p []byte, off int64) error {
	copy(p, f.mem[off:])
	return nil
}

func (f *flatExport) WriteAt(_ context.Context, p []byte, off int64) error {
	copy(f.mem[off:], p)
	return nil
}

func (f *flatExport) Flush(context.Context) error { return nil }

func (f *flatExport) Extents(_ context.Context, _, n int64, fn func(length int64, hole, zero bool) bool) error {
	fn(n, false, false)
	return nil
}
