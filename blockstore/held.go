package blockstore

import (
	"math/bits"
	"sync"
)

// heldSlots keeps slots that have been given up from being reused while a backup
// copies an earlier state of the index, which may still name them.
type heldSlots struct {
	mu      sync.Mutex // guards the fields below
	holders int
	slots   []uint64 // bitmap by slot number; at most one bit per slot of the pool
	count   int
}

// reuse takes slots that nothing references and nobody reads.
func (s *Store) reuse(slots []uint64) {
	if s.seams.without(ruleBackupHold) || !s.held.keep(slots) {
		s.alloc.release(slots)
	}
}

// keep keeps slots if there is a holder.
func (h *heldSlots) keep(slots []uint64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.holders == 0 {
		return false
	}
	for _, slot := range slots {
		for uint64(len(h.slots)) <= slot/64 {
			h.slots = append(h.slots, 0)
		}
		h.slots[slot/64] |= 1 << (slot % 64)
	}
	h.count += len(slots)
	return true
}

// hold begins to keep slots.
func (h *heldSlots) hold() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.holders++
}

// letGo ends one hold; the last frees what was kept.
func (h *heldSlots) letGo(free func([]uint64)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.holders--; h.holders > 0 {
		return
	}
	var slots []uint64
	for i, w := range h.slots {
		for ; w != 0; w &= w - 1 {
			slots = append(slots, uint64(i)*64+uint64(bits.TrailingZeros64(w)))
		}
		if len(slots) >= batchExtents {
			free(slots)
			slots = slots[:0]
		}
	}
	free(slots)
	h.slots, h.count = nil, 0
}

func (h *heldSlots) len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.count
}
