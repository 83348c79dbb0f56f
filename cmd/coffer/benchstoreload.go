package main

import (
	"context"
	"crypto/rand"
	"errors"
	mathrand "math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"coffer.example/aead"
	"coffer.example/bench"
	"coffer.example/blockstore"
)

const (
	loadDepth = 16      // operations in flight of a load that this process makes itself
	loadBlock = 4 << 10 // bytes of one of them
	loadRun   = 1 << 20 // bytes of one sequential operation
)

// randomLoad does one operation at random blocks of a span, loadDepth at once, until the time is over.
func randomLoad(span int64, d time.Duration, do func(p []byte, off int64) (int, error)) (bench.Sample, error) {
	var ops atomic.Int64
	return timedLoad(d, &ops, func(p []byte, over func() bool) error {
		for !over() {
			if _, err := do(p[:loadBlock], mathrand.Int64N(span/loadBlock)*loadBlock); err != nil {
				return err
			}
			ops.Add(1)
		}
		return nil
	})
}

// sequentialLoad does operations of loadRun from the start to the end of a span, once.
func sequentialLoad(span int64, do func(p []byte, off int64) (int, error)) (bench.Sample, error) {
	var ops, next atomic.Int64
	return timedLoad(0, &ops, func(p []byte, _ func() bool) error {
		for {
			off := next.Add(loadRun) - loadRun
			if off >= span {
				return nil
			}
			if _, err := do(p, off); err != nil {
				return err
			}
			ops.Add(1)
		}
	})
}

// timedLoad runs workers until they end, and counts their operations.
func timedLoad(d time.Duration, ops *atomic.Int64, work func(p []byte, over func() bool) error) (bench.Sample, error) {
	var all sync.WaitGroup
	failed := make([]error, loadDepth)
	cpu, start := benchCPU(), time.Now()
	over := func() bool { return time.Since(start) >= d }
	for i := range loadDepth {
		all.Go(func() {
			p := make([]byte, loadRun)
			rand.Read(p) // never fails
			failed[i] = work(p, over)
		})
	}
	all.Wait()
	n := float64(max(1, ops.Load()))
	return bench.Sample{Ops: ops.Load(), Wall: float64(time.Since(start)) / n, CPU: float64(benchCPU()-cpu) / n}, errors.Join(failed...)
}

// fillVolume writes all of a volume in order.
func fillVolume(ctx context.Context, d *blockstore.Device) error {
	if _, err := sequentialLoad(d.Size(), d.WriteAt); err != nil {
		return err
	}
	return d.Flush(ctx)
}

// overwrite writes random blocks until that many bytes were written.
func overwrite(ctx context.Context, d *blockstore.Device, total int64) error {
	var left atomic.Int64
	left.Store(total / loadBlock)
	_, err := timedLoad(0, new(atomic.Int64), func(p []byte, _ func() bool) error {
		for left.Add(-1) >= 0 {
			if _, err := d.WriteAt(p[:loadBlock], mathrand.Int64N(d.Size()/loadBlock)*loadBlock); err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(err, d.Flush(ctx))
}

// sealTime is how long sealAlone works.
const sealTime = 200 * time.Millisecond

// sealAlone seals (or opens) blocks on all cores and nothing else: what no encrypted volume can exceed. The sample is of operations of so many bytes.
func sealAlone(bytes int64, opens bool) (bench.Sample, error) {
	var all sync.WaitGroup
	cores := runtime.GOMAXPROCS(0)
	var blocks atomic.Int64
	failed := make([]error, cores)
	cpu, start := benchCPU(), time.Now()
	for i := range cores {
		all.Go(func() {
			n, err := sealFor(sealTime, opens)
			blocks.Add(n)
			failed[i] = err
		})
	}
	all.Wait()
	ops := float64(max(1, blocks.Load())) * aead.BlockSize / float64(bytes)
	return bench.Sample{Ops: max(1, int64(ops)), Wall: float64(time.Since(start)) / ops, CPU: float64(benchCPU()-cpu) / ops}, errors.Join(failed...)
}

// sealFor seals or opens on one core for a time, and returns how many blocks.
func sealFor(d time.Duration, opens bool) (n int64, err error) {
	dek, err := aead.NewDataKey(rand.Reader)
	if err != nil {
		return 0, err
	}
	defer dek.Destroy()
	s, err := dek.Session(aead.DefaultSuite(), make([]byte, aead.SaltSize), aead.ID{}, aead.ID{})
	if err != nil {
		return 0, err
	}
	scratch, plain := new(aead.Scratch), make([]byte, aead.BlockSize)
	sealed, out := s.SealBlock(scratch, nil, plain, 0, 0), make([]byte, 0, aead.BlockSize+aead.TagSize)
	const lot = 64 // blocks between two looks at the clock
	for start := time.Now(); time.Since(start) < d; n += lot {
		for i := range uint64(lot) {
			if opens {
				if _, err := s.OpenBlock(scratch, plain[:0], sealed, 0, 0); err != nil {
					return n, err
				}
				continue
			}
			out = s.SealBlock(scratch, out[:0], plain, i, uint64(n)+i+1)
		}
	}
	return n, nil
}
