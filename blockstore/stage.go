package blockstore

import (
	"sync"
	"sync/atomic"
	"time"
)

// stagedWrite is one run of consecutive slots whose sealed blocks lie in a buffer
// and are on their way to the device. The write has been acknowledged already; the
// next flush waits for it, or has the journal keep its blocks as well.
type stagedWrite struct {
	zone   *zone
	offset int64 // in the zone file
	blocks int
	set    *dirtySet
	pool   *bufferPool

	mu      sync.Mutex // guards the fields below
	buf     []byte     // nil once the device write is done
	freed   []uint64   // slots that were superseded while the write was under way
	landing []uint64   // slots whose blocks have been flushed to the journal
}

// end is where the run ends in its zone file.
func (w *stagedWrite) end() int64 { return w.offset + int64(w.blocks)*BlockSize }

// data is the ciphertext. Only who completes the write takes buf away.
func (w *stagedWrite) data() []byte { return w.buf[:w.blocks*BlockSize] }

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

// land says whether the block of a slot still lies in memory, and if so notes that the
// journal has it too.
func (w *stagedWrite) land(slot uint64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.buf != nil {
		w.landing = append(w.landing, slot)
	}
	return w.buf != nil
}

// supersede gives up a slot once its device write is done: a late write must not land on
// a slot that has a new owner.
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

// complete ends the device write: the buffer goes back, and so do the slots that were
// superseded meanwhile. The caller lowers set.pending when it has called it.
func (w *stagedWrite) complete(err error, l *landing) {
	if err != nil && w.lost(err, l) {
		return
	}
	w.mu.Lock()
	buf, freed, landed := w.buf, w.freed, w.landing
	w.buf, w.freed, w.landing = nil, nil, nil
	w.mu.Unlock()
	l.landed(landed)
	w.pool.put(buf)
	l.free(freed)
}

// lost notes that the device has not done the write, and says whether the buffer must
// stay, since it has flushed blocks.
func (w *stagedWrite) lost(err error, l *landing) bool {
	w.set.fail(err) // first: who finds the buffer gone looks there
	w.mu.Lock()
	landing := w.landing
	w.mu.Unlock()
	if len(landing) == 0 {
		return false
	}
	l.fail(landing, err)
	_ = w.set.owner.fail(err) // no flush waits for the set any more
	return true
}

// stager brings staged runs to the zones, merging runs that follow each other there.
type stager interface {
	// submit takes a run. The set's pending count is already raised.
	submit(*stagedWrite)
	// kick hands over what has gathered.
	kick()
	// await returns when a count of what is under way, writes of a dirtySet or blocks of a
	// landing, is zero.
	await(*atomic.Int64)
	// progress is called by who waits for a buffer; it returns when one may have come back.
	progress()
	// engine names how the device is reached, for people.
	engine() string
	// close waits for all writes and ends what runs. It may be called twice.
	close()
}

const (
	stageWorkers   = 16
	stageMergeRuns = 64 // runs of one device write at most
)

// newStager returns a stager over io_uring where the zones and the system have it, else one of
// goroutines that block in their writes; workers < 0: one that writes in the caller.
func (s *Store) newStager(workers int) stager {
	collect := collectRuns
	if s.seams.collect > 0 {
		collect = s.seams.collect
	}
	if workers == 0 && !s.injected {
		if r := newRingStager(collect, s.landing); r != nil {
			return r
		}
	}
	return newWorkerStager(workers, collect, s.landing)
}

// DiskEngine says how blocks reach the zones: "io_uring", "goroutines" that block in
// their writes, or the "caller".
func (s *Store) DiskEngine() string { return s.stager.engine() }

// collectRuns and collectBytes are how much gathers before it is handed to the device,
// which then gets many writes at once. What is below is handed over when somebody waits
// for it: a flush, or a writer without a buffer. Until then it can go to the journal.
const (
	collectRuns  = 96
	collectBytes = 512 << 10
)

// gathering is what has not been handed over yet.
type gathering struct {
	limit int            // in runs
	runs  []*stagedWrite // bounded by the buffer pools
	bytes int
}

func (g *gathering) add(w *stagedWrite) {
	g.runs = append(g.runs, w)
	g.bytes += w.blocks * BlockSize
}

func (g *gathering) full() bool { return len(g.runs) >= g.limit || g.bytes >= collectBytes }

// drop forgets the first n runs.
func (g *gathering) drop(n int) {
	for _, w := range g.runs[:n] {
		g.bytes -= w.blocks * BlockSize
	}
	left := copy(g.runs, g.runs[n:])
	clear(g.runs[left:])
	g.runs = g.runs[:left]
}

// workerStager writes staged runs with a fixed number of goroutines, or in the caller.
type workerStager struct {
	landing *landing
	inline  bool

	mu       sync.Mutex // guards the fields below
	gathered gathering
	queue    gathering
	work     sync.Cond
	idle     sync.Cond // a write is done
	closed   bool
	wg       sync.WaitGroup
}

func newWorkerStager(workers, collect int, l *landing) *workerStager {
	s := &workerStager{landing: l, inline: workers < 0, gathered: gathering{limit: collect}}
	s.work.L, s.idle.L = &s.mu, &s.mu
	if workers == 0 {
		workers = stageWorkers
	}
	for range workers {
		s.wg.Add(1)
		go s.run()
	}
	return s
}

// progress needs nothing of who waits for a buffer but that what has gathered is written.
func (s *workerStager) progress() {
	s.kick()
	time.Sleep(bufferPoll)
}

// bufferPoll is how soon a writer without a buffer looks again.
const bufferPoll = 50 * time.Microsecond

func (s *workerStager) engine() string {
	if s.inline {
		return "caller"
	}
	return "goroutines"
}

func (s *workerStager) submit(w *stagedWrite) {
	s.mu.Lock()
	s.gathered.add(w)
	full := s.gathered.full()
	s.mu.Unlock()
	if full {
		s.kick()
	}
}

func (s *workerStager) kick() {
	s.mu.Lock()
	for _, w := range s.gathered.runs {
		s.queue.add(w)
	}
	s.gathered.drop(len(s.gathered.runs))
	s.mu.Unlock()
	if !s.inline {
		s.work.Broadcast()
		return
	}
	var runs []*stagedWrite
	for {
		s.mu.Lock()
		runs = s.take(runs)
		s.mu.Unlock()
		if len(runs) == 0 {
			return
		}
		s.write(runs)
	}
}

func (s *workerStager) await(left *atomic.Int64) {
	s.kick()
	s.mu.Lock()
	defer s.mu.Unlock()
	for left.Load() > 0 {
		s.idle.Wait()
	}
}

func (s *workerStager) run() {
	defer s.wg.Done()
	var runs []*stagedWrite
	for {
		s.mu.Lock()
		for len(s.queue.runs) == 0 && !s.closed {
			s.work.Wait()
		}
		runs = s.take(runs)
		s.mu.Unlock()
		if len(runs) == 0 {
			return
		}
		s.write(runs)
	}
}

// take takes the runs of the next device write. It needs mu.
func (s *workerStager) take(dst []*stagedWrite) []*stagedWrite {
	if len(s.queue.runs) == 0 {
		return dst[:0]
	}
	dst = append(dst[:0], s.queue.runs[:adjacentRuns(s.queue.runs)]...)
	s.queue.drop(len(dst))
	return dst
}

// adjacentRuns counts the runs at the head of a queue that one device write can take.
func adjacentRuns(queue []*stagedWrite) int {
	n := 1
	for n < len(queue) && n < stageMergeRuns && queue[n].zone == queue[0].zone && queue[n].offset == queue[n-1].end() {
		n++
	}
	return n
}

// write does the device write of adjacent runs and completes them.
func (s *workerStager) write(runs []*stagedWrite) {
	bufs := make([][]byte, len(runs))
	for i, w := range runs {
		bufs[i] = w.data()
	}
	err := runs[0].zone.file.WriteVectors(bufs, runs[0].offset)
	for _, w := range runs {
		w.complete(err, s.landing)
		w.set.pending.Add(-1)
	}
	s.mu.Lock() // who waits has looked before or sleeps now
	s.mu.Unlock()
	s.idle.Broadcast()
}

func (s *workerStager) close() {
	s.kick()
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.work.Broadcast()
	s.wg.Wait()
}
