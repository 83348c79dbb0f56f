package blockstore

import (
	"cmp"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"coffer.example/internal/uring"
)

// ringEntries is how many device writes may be under way at once.
const ringEntries = 128

// ringStager writes staged runs through an io_uring. It has no goroutine: whoever
// fills the queue submits it and takes note of what has completed; whoever waits
// drives the ring, one at a time, and wakes the others.
type ringStager struct {
	landing *landing

	mu       sync.Mutex // guards the fields below
	ring     *uring.Ring
	queue    gathering
	ops      [ringEntries]ringWrite
	free     []uint16 // indexes into ops
	done     []uring.Completion
	waiting  bool // somebody waits in the kernel, and sees to all completions
	changed  sync.Cond
	unusable error // the ring has failed, and with it every write
}

// ringWrite is a device write under way.
type ringWrite struct {
	runs []*stagedWrite
	iov  []unix.Iovec
	size int
}

// newRingStager returns nil where the system has no io_uring.
func newRingStager(collect int, l *landing) stager {
	ring, err := uring.New(ringEntries)
	if err != nil {
		return nil
	}
	s := &ringStager{landing: l, ring: ring, queue: gathering{limit: collect}}
	s.changed.L = &s.mu
	for i := range ring.Entries() {
		s.free = append(s.free, uint16(i))
	}
	return s
}

func (s *ringStager) engine() string { return "io_uring" }

func (s *ringStager) submit(w *stagedWrite) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unusable != nil {
		s.giveUp(w)
		return
	}
	s.queue.add(w)
	if s.queue.full() {
		s.reap()
		s.push()
	}
}

func (s *ringStager) kick() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reap()
	s.push()
}

// push hands the queue to the kernel as far as the ring has room. It needs mu.
func (s *ringStager) push() {
	if len(s.queue.runs) == 0 {
		return
	}
	slices.SortFunc(s.queue.runs, func(a, b *stagedWrite) int {
		return cmp.Or(cmp.Compare(a.zone.number, b.zone.number), cmp.Compare(a.offset, b.offset))
	})
	taken := 0
	for taken < len(s.queue.runs) && len(s.free) > 0 {
		n := adjacentRuns(s.queue.runs[taken:])
		s.start(s.queue.runs[taken : taken+n])
		taken += n
	}
	s.queue.drop(taken)
	if err := s.ring.Submit(); err != nil {
		s.unusable = err
	}
	if s.unusable != nil {
		s.failAll()
	}
}

// start prepares the device write of adjacent runs. It needs mu.
func (s *ringStager) start(runs []*stagedWrite) {
	i := s.free[len(s.free)-1]
	s.free = s.free[:len(s.free)-1]
	op := &s.ops[i]
	op.runs = append(op.runs[:0], runs...)
	op.size = 0
	fd := runs[0].zone.file.(*directZone).fd
	if len(runs) == 1 {
		op.size = len(runs[0].data())
		s.ring.Write(fd, runs[0].data(), runs[0].offset, uint64(i))
		return
	}
	op.iov = op.iov[:0]
	for _, w := range runs {
		v := unix.Iovec{Base: &w.buf[0]}
		v.SetLen(len(w.data()))
		op.iov = append(op.iov, v)
		op.size += len(w.data())
	}
	s.ring.Writev(fd, op.iov, runs[0].offset, uint64(i))
}

// reap completes what the kernel has finished, unless somebody waits there. It needs mu.
func (s *ringStager) reap() {
	if s.waiting || s.unusable != nil || !s.ring.Ready() { // failAll has ended what an unusable ring held
		return
	}
	s.done = s.ring.Completions(s.done[:0])
	for _, c := range s.done {
		op := &s.ops[c.Token]
		s.finish(op, s.outcome(op, c.Result))
		s.free = append(s.free, uint16(c.Token))
	}
	s.changed.Broadcast()
}

// outcome is the error of a device write. What the kernel wants repeated or has done
// in part is done once more as a whole: the slots have no other reader or writer yet.
func (s *ringStager) outcome(op *ringWrite, result int32) error {
	if int(result) == op.size {
		return nil
	}
	z := op.runs[0].zone.file.(*directZone)
	if result < 0 && unix.Errno(-result) != unix.EAGAIN && unix.Errno(-result) != unix.EINTR {
		return &os.PathError{Op: "write", Path: z.path, Err: unix.Errno(-result)}
	}
	if result >= 0 && result%BlockSize != 0 {
		return &os.PathError{Op: "write", Path: z.path, Err: io.ErrShortWrite}
	}
	return s.writeNow(op.runs)
}

func (s *ringStager) writeNow(runs []*stagedWrite) error {
	bufs := make([][]byte, len(runs))
	for i, w := range runs {
		bufs[i] = w.data()
	}
	return runs[0].zone.file.WriteVectors(bufs, runs[0].offset)
}

func (s *ringStager) finish(op *ringWrite, err error) {
	for i, w := range op.runs {
		w.complete(err, s.landing)
		w.set.pending.Add(-1)
		op.runs[i] = nil
	}
}

// failAll fails every write when the ring has failed. The buffers stay out for ever,
// since the kernel may still read them. It needs mu.
func (s *ringStager) failAll() {
	for i := range s.ops {
		for _, w := range s.ops[i].runs {
			s.giveUp(w)
		}
		s.ops[i].runs = nil
	}
	for _, w := range s.queue.runs {
		s.giveUp(w)
	}
	s.queue = gathering{}
	s.changed.Broadcast()
}

func (s *ringStager) giveUp(w *stagedWrite) {
	w.lost(s.unusable, s.landing)
	w.set.pending.Add(-1)
}

// wait drives the ring until done holds, or the ring has failed.
func (s *ringStager) wait(done func() bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !done() && s.unusable == nil {
		s.reap()
		s.push()
		switch {
		case done() || s.unusable != nil:
		case s.waiting:
			s.changed.Wait()
		default:
			s.waitInKernel()
		}
	}
}

// waitInKernel waits for a completion. It needs mu, which it gives up meanwhile.
func (s *ringStager) waitInKernel() {
	s.waiting = true
	s.mu.Unlock()
	err := s.ring.Wait(0)
	s.mu.Lock()
	s.waiting = false
	if err != nil {
		s.unusable = err
		s.failAll()
	}
	s.reap()
	s.changed.Broadcast() // another may have to wait in the kernel now
}

func (s *ringStager) await(left *atomic.Int64) {
	s.wait(func() bool { return left.Load() == 0 })
}

// progress returns after a completion, or soon if nothing is under way: then every
// buffer is in the hands of writers that are sealing.
func (s *ringStager) progress() {
	s.mu.Lock()
	s.reap()
	s.push()
	busy := s.ring.InFlight() > 0 && s.unusable == nil
	switch {
	case !busy:
	case s.waiting:
		s.changed.Wait()
	default:
		s.waitInKernel()
	}
	s.mu.Unlock()
	if !busy {
		time.Sleep(bufferPoll)
	}
}

func (s *ringStager) close() {
	s.mu.Lock()
	closed := s.ring == nil
	s.mu.Unlock()
	if closed {
		return
	}
	s.wait(s.drained)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unusable == nil {
		s.ring.Close() // else the kernel may still be at work in it
	}
	s.ring = nil
}

func (s *ringStager) drained() bool { return s.ring.InFlight() == 0 && len(s.queue.runs) == 0 }
