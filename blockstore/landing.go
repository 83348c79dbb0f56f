package blockstore

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// landing is the blocks that the journal has made durable while their slots are yet to be
// written, which happens later, with others in one device write. Who reads a slot looks
// here first, and who gives one up does it here: it gets a new owner only when it has been
// written, or the late write would destroy the owner's block.
//
// It is bounded by the buffer pools, whose buffers it holds.
type landing struct {
	free func([]uint64) // gives slots up for good

	count atomic.Int64 // of blocks; lets readers pass without the lock
	left  atomic.Int64 // of blocks that are still to be written

	mu     sync.Mutex // guards the fields below
	blocks map[uint64]landingBlock
	err    error // a failed write: its blocks stay here, and in the journal
}

// landingBlock says where the ciphertext of a slot is.
type landingBlock struct {
	write *stagedWrite
	index int
}

func newLanding(free func([]uint64)) *landing {
	return &landing{free: free, blocks: map[uint64]landingBlock{}}
}

// add enters blocks that are durable in the journal, unless they are in their slots.
// A write of theirs that failed before shows in their set, one that fails later in failure.
func (l *landing) add(blocks []*sealedBlock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range blocks {
		if b.write.land(b.slot) {
			l.blocks[b.slot] = landingBlock{b.write, b.index}
			l.count.Add(1)
			l.left.Add(1)
		}
	}
}

// landed takes out the blocks of a write that is done.
func (l *landing) landed(slots []uint64) {
	if len(slots) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, slot := range slots {
		delete(l.blocks, slot)
	}
	l.count.Add(-int64(len(slots)))
	l.left.Add(-int64(len(slots)))
}

// fail notes that the blocks of a write will not reach their slots. They stay readable.
func (l *landing) fail(slots []uint64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = firstError(l.err, err)
	l.left.Add(-int64(len(slots)))
}

func (l *landing) failure() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// read copies the ciphertext of a slot out if it has not been written yet.
func (l *landing) read(dst []byte, slot uint64) bool {
	if l.count.Load() == 0 {
		return false
	}
	l.mu.Lock()
	b, ok := l.blocks[slot]
	l.mu.Unlock()
	return ok && b.write.read(dst, b.index)
}

// release gives up slots, those that are yet to be written when that is done.
func (l *landing) release(slots []uint64) {
	if l.count.Load() == 0 {
		l.free(slots)
		return
	}
	now := make([]uint64, 0, len(slots))
	for _, slot := range slots {
		l.mu.Lock()
		b, ok := l.blocks[slot]
		l.mu.Unlock()
		if ok {
			b.write.supersede(slot, l.free)
		} else {
			now = append(now, slot)
		}
	}
	l.free(now)
}

// adopt enters blocks of a store that is opened read-only after a crash.
func (l *landing) adopt(slot uint64, data []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.blocks[slot]; !ok {
		l.count.Add(1)
	}
	l.blocks[slot] = landingBlock{write: &stagedWrite{blocks: 1, buf: data}}
}

// release gives up slots that no committed record references any more.
func (s *Store) release(slots []uint64) {
	if s.seams.without(ruleLandingRelease) {
		s.epochs.release(slots)
		return
	}
	s.landing.release(slots)
}

// tidy hands over what waits for more of its kind.
func (s *Store) tidy() {
	s.stager.kick()
	_ = s.index.drain() // an error shows in whatever comes next
}

// land brings every block that has been flushed to its slot, unsynced. Nobody may enter
// more meanwhile: the caller holds the journal's lock.
func (s *Store) land() error {
	if s.landing.left.Load() > 0 {
		s.stager.kick()
		s.stager.await(&s.landing.left)
	}
	if err := s.landing.failure(); err != nil {
		return err
	}
	if n := s.landing.left.Load(); n > 0 {
		return fmt.Errorf("blockstore: %d flushed blocks are in the journal and not in their slots", n)
	}
	return nil
}
