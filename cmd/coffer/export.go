package main

import (
	"context"
	"errors"
	"fmt"

	"coffer.example/blockstore"
	"coffer.example/internal/nbd"
)

// export is a device as NBD clients see it.
type export struct{ device *blockstore.Device }

func (e export) Size() int64    { return e.device.Size() }
func (e export) ReadOnly() bool { return false }

// Prompt implements nbd.Prompter.
func (e export) Prompt(op nbd.Op, off, n int64) bool {
	switch op {
	case nbd.OpRead:
		return e.device.ReadsPrompt(off, n)
	case nbd.OpWrite:
		return e.device.WritesPrompt(off, n)
	case nbd.OpFlush:
		return e.device.FlushesPrompt()
	}
	return false
}

// StartRead implements nbd.Starter.
func (e export) StartRead(q nbd.DeviceQueue, p []byte, off int64, done func(error)) bool {
	return e.device.StartRead(q, p, off, func(err error) { done(exportError(err)) })
}

func (e export) ReadAt(_ context.Context, p []byte, off int64) error {
	_, err := e.device.ReadAt(p, off)
	return exportError(err)
}

func (e export) WriteAt(_ context.Context, p []byte, off int64) error {
	_, err := e.device.WriteAt(p, off)
	return exportError(err)
}

func (e export) Flush(ctx context.Context) error { return exportError(e.device.Flush(ctx)) }

func (e export) Trim(ctx context.Context, off, n int64) error {
	return exportError(e.device.Trim(ctx, off, n))
}

// WriteZeroes implements nbd.Export. Making holes is always fast; writing zeros never is.
func (e export) WriteZeroes(ctx context.Context, off, n int64, opts nbd.ZeroOptions) error {
	if opts.FastZero && opts.NoHole {
		return nbd.ErrNotSupported
	}
	return exportError(e.device.WriteZeroes(ctx, off, n, blockstore.ZeroOptions{NoHole: opts.NoHole}))
}

func (e export) Extents(ctx context.Context, off, n int64, fn func(length int64, hole, zero bool) bool) error {
	return exportError(e.device.Extents(ctx, off, n, func(length int64, data bool) bool {
		return fn(length, !data, !data)
	}))
}

// exportError keeps the errors that a client can act on; the others are EIO.
func exportError(err error) error {
	for _, known := range []struct{ from, to error }{
		{blockstore.ErrNoSpace, nbd.ErrNoSpace},
		{blockstore.ErrReadOnly, nbd.ErrReadOnly},
		{blockstore.ErrDetached, nbd.ErrShuttingDown},
	} {
		if errors.Is(err, known.from) {
			return fmt.Errorf("%w: %w", known.to, err)
		}
	}
	return err
}
