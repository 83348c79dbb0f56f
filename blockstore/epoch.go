package blockstore

import (
	"sync"
	"sync/atomic"
	"time"
)

// epochs keeps freed slots out of reach until every reader that may hold their
// numbers has left (epoch-based reclamation). A reader enters before it looks up
// slots and leaves when its device reads are done. A slot freed in epoch e is free
// for use once the epoch is e+2: by then every reader of e has left.
type epochs struct {
	current atomic.Uint64
	readers [3]atomic.Int64

	mu     sync.Mutex // guards limbo and advancing
	limbo  [3][]uint64
	reuse  func([]uint64)
	queued atomic.Int64
}

// enter registers a reader and returns its ticket.
func (e *epochs) enter() uint64 {
	for {
		c := e.current.Load()
		e.readers[c%3].Add(1)
		if e.current.Load() == c {
			return c
		}
		e.readers[c%3].Add(-1)
	}
}

func (e *epochs) leave(ticket uint64) {
	e.readers[ticket%3].Add(-1)
	if e.queued.Load() > 0 {
		e.advance()
	}
}

// release gives up slots that no committed record references any more.
func (e *epochs) release(slots []uint64) {
	if len(slots) == 0 {
		return
	}
	e.mu.Lock()
	c := e.current.Load() % 3
	e.limbo[c] = append(e.limbo[c], slots...)
	e.queued.Add(int64(len(slots)))
	e.mu.Unlock()
	e.advance()
}

// advance moves the epoch on as long as nobody reads in the one before, and frees what has waited long enough.
func (e *epochs) advance() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for range 3 {
		c := e.current.Load()
		if e.queued.Load() == 0 || e.readers[(c+2)%3].Load() != 0 {
			return // (c+2)%3 is the previous epoch c-1
		}
		// Slots of epoch c-1 become free at c+1: no reader of c-1 is left, and readers
		// of c entered after those slots had left the index.
		e.current.Store(c + 1)
		done := e.limbo[(c+2)%3]
		e.limbo[(c+2)%3] = nil
		if len(done) > 0 {
			e.queued.Add(-int64(len(done)))
			e.reuse(done)
		}
	}
}

// barrier returns when every reader that had entered before the call has left.
func (e *epochs) barrier() {
	for target := e.current.Load() + 2; e.current.Load() < target; {
		e.queued.Add(1) // makes advance move although nothing may wait in limbo
		e.advance()
		e.queued.Add(-1)
		if e.current.Load() < target {
			time.Sleep(barrierPoll)
		}
	}
}

// barrierPoll is how often a barrier looks; readers leave after one request.
const barrierPoll = 100 * time.Microsecond
