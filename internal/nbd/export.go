package nbd

import "context"

// Export is a block device that a client has opened. Its methods are called
// concurrently, from every connection that holds it, with ranges inside [0, Size()).
// The size a connection was told stays its own: growth shows to new connections.
type Export interface {
	Size() int64
	ReadOnly() bool
	// ReadAt fills p fully or fails. It never leaves unverified bytes in p and returns nil.
	ReadAt(ctx context.Context, p []byte, off int64) error
	// WriteAt stores p; p may not be used after it returns.
	WriteAt(ctx context.Context, p []byte, off int64) error
	// Flush makes every write that returned before the call durable.
	Flush(ctx context.Context) error
	// Trim drops the range; it reads as zeros afterwards, or as before.
	Trim(ctx context.Context, off, n int64) error
	// WriteZeroes makes the range read as zeros.
	WriteZeroes(ctx context.Context, off, n int64, opts ZeroOptions) error
	// Extents calls fn, in order and until it returns false, with the runs that cover
	// [off, off+n); it may stop early but not before one run. The last run may reach
	// further than asked.
	Extents(ctx context.Context, off, n int64, fn func(length int64, hole, zero bool) bool) error
}

// ZeroOptions are the flags of WRITE_ZEROES.
type ZeroOptions struct {
	// NoHole asks for allocated space: later writes to the range must not run out of it.
	NoHole bool
	// FastZero asks to fail with ErrNotSupported, changing nothing, unless this is much
	// faster than writing.
	FastZero bool
}

// Prompter is an optional second interface of an Export.
type Prompter interface {
	// Prompt says whether the operation will be served without blocking, from memory, or,
	// of a flush, with one short write. It must be cheap and may be wrong. Prompt
	// operations run on the connection's reader, flushes while it has nothing else to do;
	// without this interface none does.
	Prompt(op Op, off, n int64) bool
}

// DeviceQueue takes device reads of one connection and completes them on its reader.
type DeviceQueue interface {
	// StartRead begins to read len(p) bytes at an offset of a file. done is called later
	// with the number of bytes, or a negated errno. It returns false, and does nothing,
	// when it can take no more. p lies outside the Go heap.
	StartRead(fd uintptr, p []byte, off int64, done func(result int)) bool
}

// Starter is an optional second interface of an Export for short reads that need the
// device: the connection's reader starts them and goes on, without a goroutine each.
type Starter interface {
	// StartRead is ReadAt, but done is called when p is filled or the read has failed: before
	// it returns, or by the queue. It returns false, and done is not called, where ReadAt
	// must be used.
	StartRead(q DeviceQueue, p []byte, off int64, done func(error)) bool
}

// Prefetcher is an optional second interface of an Export for the CACHE command.
// Without it the range is read and dropped, which warms a cache below.
type Prefetcher interface {
	Prefetch(ctx context.Context, off, n int64) error
}

// ExportInfo names an export.
type ExportInfo struct {
	Name        string
	Description string // for people; may be empty
}

// Opened is an export that a connection holds.
type Opened struct {
	Export
	// Info.Name is the export's own name, by which Disconnect finds its connections,
	// also where the client asked for the default export.
	Info ExportInfo
	// Release is called exactly once, after the last call of a method of Export.
	Release func()
}

// Registry finds exports. They may come and go while connections hold others.
type Registry interface {
	// Open returns the export of that name; the empty name is the default export, if
	// there is one. It fails with ErrNoExport, ErrDenied or ErrShuttingDown.
	Open(ctx context.Context, name string) (*Opened, error)
	// List returns what LIST shows.
	List(ctx context.Context) ([]ExportInfo, error)
}
