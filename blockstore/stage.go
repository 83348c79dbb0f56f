package blockstore

import "sync"

// stagedWrite is one run of consecutive slots whose sealed blocks lie in a buffer
// and are on their way to the device. The write has been acknowledged already; the
// next flush waits for it.
type stagedWrite struct {
	zone   *zone
	offset int64 // in the zone file
	blocks int
	set    *dirtySet
	pool   *bufferPool

	mu    sync.Mutex // guards the fields below
	buf   []byte     // nil once the device write is done
	freed []uint64   // slots that were superseded while the write was under way
}

// read copies the ciphertext of block i out if the buffer is still there.
func (w *stagedWrite) read(dst []byte, i int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.buf == nil {
		return false
	}
	copy(dst, w.buf[i*BlockSize:(i+1)*BlockSize])
	return true
}

// staged says whether the blocks still lie in memory.
func (w *stagedWrite) staged() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf != nil
}

// supersede gives up a slot that was never committed, once its device write is done:
// a late write must not land on a slot that has a new owner.
func (w *stagedWrite) supersede(slot uint64, release func([]uint64)) {
	w.mu.Lock()
	pending := w.buf != nil
	if pending {
		w.freed = append(w.freed, slot)
	}
	w.mu.Unlock()
	if !pending {
		release([]uint64{slot})
	}
}

// stager writes staged runs to the zones with a fixed number of goroutines, merging
// runs that follow each other on the device.
type stager struct {
	release func([]uint64)
	inline  bool

	mu     sync.Mutex // guards the fields below
	cond   sync.Cond
	queue  []*stagedWrite
	closed bool
	wg     sync.WaitGroup
}

const (
	stageWorkers   = 16
	stageMergeRuns = 64 // runs of one device write at most
)

func newStager(workers int, release func([]uint64)) *stager {
	s := &stager{release: release, inline: workers < 0}
	s.cond.L = &s.mu
	if workers == 0 {
		workers = stageWorkers
	}
	for range workers {
		s.wg.Add(1)
		go s.work()
	}
	return s
}

// submit hands a run over. The set's pending count is already raised.
func (s *stager) submit(w *stagedWrite) {
	if s.inline {
		s.write([]*stagedWrite{w})
		return
	}
	s.mu.Lock()
	s.queue = append(s.queue, w) // bounded by the buffer pools
	s.mu.Unlock()
	s.cond.Signal()
}

func (s *stager) work() {
	defer s.wg.Done()
	var runs []*stagedWrite
	for {
		s.mu.Lock()
		for len(s.queue) == 0 && !s.closed {
			s.cond.Wait()
		}
		if len(s.queue) == 0 {
			s.mu.Unlock()
			return
		}
		runs = append(runs[:0], s.queue[0])
		end := s.queue[0].offset + int64(s.queue[0].blocks)*BlockSize
		for len(runs) < len(s.queue) && len(runs) < stageMergeRuns {
			w := s.queue[len(runs)]
			if w.zone != runs[0].zone || w.offset != end {
				break
			}
			end += int64(w.blocks) * BlockSize
			runs = append(runs, w)
		}
		n := copy(s.queue, s.queue[len(runs):])
		clear(s.queue[n:])
		s.queue = s.queue[:n]
		s.mu.Unlock()
		s.write(runs)
	}
}

// write does the device write of adjacent runs and completes them.
func (s *stager) write(runs []*stagedWrite) {
	bufs := make([][]byte, len(runs))
	for i, w := range runs {
		bufs[i] = w.buf[:w.blocks*BlockSize] // only this goroutine clears w.buf
	}
	err := runs[0].zone.file.WriteVectors(bufs, runs[0].offset)
	for _, w := range runs {
		w.mu.Lock()
		buf, freed := w.buf, w.freed
		w.buf, w.freed = nil, nil
		w.mu.Unlock()
		w.pool.put(buf)
		if err != nil {
			w.set.fail(err)
		}
		s.release(freed)
		w.set.pending.Done()
	}
}

// close waits for the queue to drain and ends the goroutines. It may be called twice.
func (s *stager) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cond.Broadcast()
	s.wg.Wait()
}
