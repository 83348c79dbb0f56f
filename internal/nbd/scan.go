package nbd

import (
	"context"
	"sync"
)

// extent is a run of equal state: a descriptor of a block status reply, or a part of a
// read, where only stateZero counts.
type extent struct {
	length uint32
	state  uint32
}

// scan gathers the extents of a range. It is pooled, with the callback it hands to
// exports, so that asking allocates nothing.
type scan struct {
	extents []extent
	last    extent // not yet in extents: its end is not known
	left    int64  // of the range
	most    int    // extents
	reading bool   // look for holes to leave out of a read
	whole   uint32 // length of the range
	step    func(length int64, hole, zero bool) bool
	pool    *sync.Pool
}

func newScanPool() *sync.Pool {
	pool := &sync.Pool{}
	pool.New = func() any {
		s := &scan{pool: pool}
		s.step = s.add
		return s
	}
	return pool
}

// startScan takes a scan from the pool and runs it over [off, off+n). The caller releases it.
func startScan(ctx context.Context, pool *sync.Pool, e Export, off int64, n uint32, most int, reading bool) (*scan, error) {
	s := pool.Get().(*scan)
	s.extents, s.last, s.left, s.whole, s.most, s.reading = s.extents[:0], extent{}, int64(n), n, most, reading
	err := e.Extents(ctx, off, int64(n), s.step)
	if s.last.length > 0 && len(s.extents) < most {
		s.commit()
	}
	return s, err
}

func (s *scan) release() { s.pool.Put(s) }

// add takes one run of the export and says whether to go on.
func (s *scan) add(length int64, hole, zero bool) bool {
	length = min(length, s.left)
	if length <= 0 {
		return s.left > 0
	}
	state := stateOf(hole && !s.reading, zero)
	if s.last.length > 0 && s.last.state != state {
		s.commit()
		if len(s.extents) >= s.most {
			return false
		}
	}
	s.last = extent{s.last.length + uint32(length), state}
	s.left -= length
	return s.left > 0
}

// commit enters the last extent. A hole in a read that is too short to be worth a
// chunk becomes part of the data around it.
func (s *scan) commit() {
	e := s.last
	s.last = extent{}
	if s.reading && e.length < minHoleChunk && e.length != s.whole {
		e.state = 0
	}
	s.put(e)
}

// put appends an extent, joining it to an equal neighbour.
func (s *scan) put(e extent) {
	if n := len(s.extents); n > 0 && s.extents[n-1].state == e.state {
		s.extents[n-1].length += e.length
		return
	}
	s.extents = append(s.extents, e)
}

// rest is what the extents do not cover of the range.
func (s *scan) rest() uint32 {
	rest := s.whole
	for _, e := range s.extents {
		rest -= e.length
	}
	return rest
}

func stateOf(hole, zero bool) uint32 {
	var state uint32
	if hole {
		state |= stateHole
	}
	if zero {
		state |= stateZero
	}
	return state
}
