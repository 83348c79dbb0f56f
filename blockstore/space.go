package blockstore

import (
	"errors"
	"time"
)

const (
	// spaceInterval is how often the free space of the file system is looked at.
	spaceInterval = time.Second
	// punchInterval is how long a group of slots stays free before its space is given
	// back: a punched slot costs more to write again.
	punchInterval = 30 * time.Second
)

// groupState is what the file system holds for a group of slots.
type groupState uint8

const (
	groupUnwritten groupState = iota // nothing, or preallocated space
	groupWritten
	groupAged // written, and found free once
)

// watchSpace keeps the space reserve, gives back the space of slots that stay free, and
// sees to it that nothing waits for ever to be handed over.
func (s *Store) watchSpace() {
	space, punch := time.NewTicker(spaceInterval), time.NewTicker(punchInterval)
	defer space.Stop()
	defer punch.Stop()
	for {
		select {
		case <-space.C:
			s.checkSpace()
			s.tidy()
		case <-punch.C:
			if err := s.punchFree(); err != nil {
				s.metrics.punchErrors.Add(1) // space stays taken; nothing else depends on it
			}
		case <-s.stop:
			return
		}
	}
}

// checkSpace notes whether the file system has less than the reserve left: the index
// could not go on, so writes answer ErrNoSpace before they are acknowledged.
func (s *Store) checkSpace() {
	if s.reserve <= 0 || s.injected {
		return
	}
	free, err := freeBytes(s.fs, s.dir)
	s.spaceLow.Store(err == nil && free < uint64(s.reserve))
}

// punchFree gives back the space of groups that have been free for a while.
func (s *Store) punchFree() error {
	for from := 0; ; {
		g, slots := s.alloc.claimAged(from)
		if g < 0 {
			return nil
		}
		z := s.zone(slots[0])
		err := z.file.Punch(s.slotOffset(slots[0]), int64(len(slots))*BlockSize)
		s.alloc.unclaim(g, slots, err == nil)
		if err != nil {
			return errors.Join(err, z.failure())
		}
		s.metrics.punchedBytes.Add(uint64(len(slots)) * BlockSize)
		from = g + 1
	}
}

// claimAged takes every slot of the next group that is wholly free and was so before,
// so that nobody writes there meanwhile, and ages the groups it passes. -1: no more.
func (a *allocator) claimAged(from int) (int, []uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for g := from; g < len(a.groupFree); g++ {
		first, end := a.groupRange(g)
		if a.groupFree[g] != int32(end-first) || a.zoneOut[g/a.groupsPerZone] {
			continue
		}
		switch a.state[g] {
		case groupWritten:
			a.state[g] = groupAged
		case groupAged:
			var slots []uint64
			for s := first; s < end; s++ {
				a.take(s)
				slots = append(slots, s)
			}
			return g, slots
		}
	}
	return -1, nil
}

// unclaim frees the slots of a claimed group.
func (a *allocator) unclaim(g int, slots []uint64, punched bool) {
	a.release(slots)
	a.mu.Lock()
	defer a.mu.Unlock()
	first, end := a.groupRange(g)
	if punched && a.groupFree[g] == int32(end-first) {
		a.state[g] = groupUnwritten
	}
}
