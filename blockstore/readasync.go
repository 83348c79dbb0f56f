package blockstore

import (
	"os"
	"syscall"
	"time"
)

// ReadQueue takes device reads of one goroutine and completes them later on that
// goroutine: an io_uring, say.
type ReadQueue interface {
	// StartRead begins to read len(p) bytes at an offset of a file. done is called later
	// with the number of bytes, or a negated errno. It returns false, and does nothing,
	// when it can take no more. p lies outside the Go heap.
	StartRead(fd uintptr, p []byte, off int64, done func(result int)) bool
}

// asyncRead is a read whose device reads are under way.
type asyncRead struct {
	d      *Device
	p      []byte
	ticket uint64 // of the epoch
	left   int    // device reads, and one while they are being started
	err    error
	began  time.Time
	done   func(error)
}

// StartRead is ReadAt of whole blocks without waiting for the device: done is called,
// once, before it returns if no device read is needed, else by the queue. It returns
// false, and done is not called, where the caller must use ReadAt.
func (d *Device) StartRead(q ReadQueue, p []byte, off int64, done func(error)) bool {
	n := int64(len(p))
	if n == 0 || n > promptBytes || off%BlockSize != 0 || n%BlockSize != 0 || d.check(off, n) != nil {
		return false
	}
	r := &asyncRead{d: d, p: p, left: 1, done: done, began: time.Now(), ticket: d.store.epochs.enter()}
	reads, err := d.locateAll(uint64(off)/BlockSize, uint64(off+n)/BlockSize, func(block uint64) []byte {
		at := int64(block)*BlockSize - off
		return p[at : at+BlockSize]
	})
	if err != nil {
		r.finish(err)
		return true
	}
	runs, err := d.deviceRuns(reads)
	if err != nil {
		r.finish(err)
		return true
	}
	for i, run := range runs {
		if r.start(q, run) {
			continue
		}
		if i == 0 {
			d.store.epochs.leave(r.ticket)
			return false
		}
		r.fail(d.fetchRun(run)) // rare: some are under way already
	}
	r.finish(nil)
	return true
}

// start begins the device read of a run.
func (r *asyncRead) start(q ReadQueue, run []blockRead) bool {
	s := r.d.store
	z := s.zone(run[0].slot)
	if z == nil {
		return false // ReadAt reports it
	}
	file, ok := z.file.(interface{ descriptor() uintptr })
	if !ok {
		return false
	}
	pool := s.reads
	switch {
	case runBytes(run) <= BlockSize:
		pool = s.small
	case runBytes(run) <= ExtentSize:
		pool = s.large
	}
	buf := pool.tryGet()
	if buf == nil {
		return false
	}
	n := runBytes(run)
	taken := q.StartRead(file.descriptor(), buf[:n], s.slotOffset(run[0].slot), func(result int) {
		r.arrived(z, run, buf, result)
		pool.put(buf)
	})
	if !taken {
		pool.put(buf)
		return false
	}
	r.left++
	return true
}

// arrived opens the blocks of a device read.
func (r *asyncRead) arrived(z *zone, run []blockRead, buf []byte, result int) {
	errno := syscall.Errno(max(-result, 0))
	switch {
	case result == runBytes(run):
		r.fail(r.d.openRun(run, buf))
	case result >= 0, errno == syscall.EAGAIN, errno == syscall.EINTR:
		r.fail(r.d.fetchRun(run)) // in part, or not at all: as ReadAt does
	default:
		r.fail(&os.PathError{Op: "read", Path: zoneName(r.d.store.dir, z.number), Err: errno})
	}
	r.finish(nil)
}

func (r *asyncRead) fail(err error) { r.err = firstError(r.err, err) }

// finish ends one part of the read, and the read with its last.
func (r *asyncRead) finish(err error) {
	r.fail(err)
	if r.left--; r.left > 0 {
		return
	}
	s := r.d.store
	s.epochs.leave(r.ticket)
	if r.err != nil {
		clear(r.p) // never hand out what may be half a request
		s.metrics.readErrors.Add(1)
	} else {
		s.metrics.reads.Add(1)
		s.metrics.readBytes.Add(uint64(len(r.p)))
		s.metrics.readTime.since(r.began)
	}
	r.done(r.err)
}
