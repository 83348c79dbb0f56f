package blockstore

import (
	"math/bits"
	"sync"
	"sync/atomic"

	"coffer.example/internal/invariants"
)

// allocator keeps the free slots of all zones in a bitmap in memory. Placement is by
// window: 1 MiB of a volume lives in a group of about 320 slots, so that sequential
// reads survive random overwrites. It is policy, not format.
type allocator struct {
	zoneSlots     uint64 // slots of a zone, a multiple of 64
	groupsPerZone int
	maxSlots      uint64 // pool limit; 0 none

	mu        sync.Mutex   // guards the fields below
	used      []uint64     // bit set: slot is allocated, or waits for its readers
	groupFree []int32      // free slots of each group
	state     []groupState // of each group
	zoneOut   []bool       // zone takes no more slots
	free      uint64       // free slots of zones that take slots
	cursor    int          // group where the search for a fresh group starts
}

// hint names the group of a window; 0 is none.
type hint uint32

func newAllocator(zoneSlots, maxSlots uint64) *allocator {
	return &allocator{zoneSlots: zoneSlots, maxSlots: maxSlots, groupsPerZone: int((zoneSlots + groupSlots - 1) / groupSlots)}
}

// zones returns the number of zones.
func (a *allocator) zones() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.zoneOut)
}

// addZone makes the slots of a new zone available.
func (a *allocator) addZone() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.used = append(a.used, make([]uint64, a.zoneSlots/64)...)
	for g := range a.groupsPerZone {
		a.groupFree = append(a.groupFree, int32(min(groupSlots, a.zoneSlots-uint64(g)*groupSlots)))
		a.state = append(a.state, groupUnwritten)
	}
	a.zoneOut = append(a.zoneOut, false)
	a.free += a.zoneSlots
}

// mayGrow says whether the pool limit allows one more zone.
func (a *allocator) mayGrow() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	total := uint64(len(a.zoneOut)+1) * a.zoneSlots
	return total <= maxSlot && (a.maxSlots == 0 || total <= a.maxSlots)
}

func (a *allocator) groupRange(g int) (from, to uint64) {
	zone := uint64(g / a.groupsPerZone)
	from = zone*a.zoneSlots + uint64(g%a.groupsPerZone)*groupSlots
	return from, min(from+groupSlots, (zone+1)*a.zoneSlots)
}

func (a *allocator) groupOf(slot uint64) int {
	zone := slot / a.zoneSlots
	return int(zone)*a.groupsPerZone + int(slot%a.zoneSlots/groupSlots)
}

// hintOf returns the hint that places blocks beside slot.
func (a *allocator) hintOf(slot uint64) hint { return hint(a.groupOf(slot) + 1) }

// alloc appends n slots of one window to dst: the window's group first, a fresh group
// if there is none or a long run does not fit, the tails of zones for a whole window that
// is new, then any free slot. It returns the
// group to use next time, and false, having taken nothing, if n slots are not free. With
// spare it is false too where a zone more would keep windows from taking each other's spare.
func (a *allocator) alloc(dst []uint64, h hint, n int, spare bool) ([]uint64, hint, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.free < uint64(n) {
		return dst, h, false
	}
	g := int(h) - 1
	if g < 0 || n >= runBlocks && a.run(g, n) == noSlot {
		fresh := a.freshGroup()
		if fresh < 0 && g < 0 && n == windowBlocks {
			fresh = a.tail()
		}
		if fresh >= 0 {
			g = fresh
		} else if spare && a.crowded() {
			return dst, h, false
		}
	}
	if g < 0 {
		g = a.cursor
	}
	if first := a.run(g, n); first != noSlot {
		for i := range uint64(n) {
			a.take(first + i)
			dst = append(dst, first+i)
		}
		return dst, hint(g + 1), true
	}
	left := n
	if a.isTail(g) {
		dst, left = a.scatter(dst, left, g, a.groupsPerZone)
	}
	dst, _ = a.scatter(dst, left, g, 1)
	return dst, hint(g + 1), true
}

// scatter takes up to n free slots of every step-th group from g on, and returns how many are missing.
func (a *allocator) scatter(dst []uint64, n, g, step int) ([]uint64, int) {
	for i := 0; i < len(a.groupFree) && n > 0; i += step {
		gi := (g + i) % len(a.groupFree)
		for slot := a.nextFree(gi); slot != noSlot && n > 0; slot = a.nextFree(gi) {
			a.take(slot)
			dst = append(dst, slot)
			n--
		}
	}
	return dst, n
}

// isTail says whether a group is the last of its zone and smaller than the others.
func (a *allocator) isTail(g int) bool {
	return a.zoneSlots > groupSlots && a.zoneSlots%groupSlots != 0 && g%a.groupsPerZone == a.groupsPerZone-1
}

// tail returns a tail with something free if all of them together have room for a window,
// else -1: five are the group of a window that would otherwise take a zone more.
func (a *allocator) tail() int {
	first, free := -1, 0
	for g := a.groupsPerZone - 1; g < len(a.groupFree) && a.isTail(g); g += a.groupsPerZone {
		if !a.zoneOut[g/a.groupsPerZone] && a.groupFree[g] > 0 {
			free += int(a.groupFree[g])
			if first < 0 {
				first = g
			}
		}
	}
	if free < windowBlocks {
		return -1
	}
	return first
}

// crowded says whether less is free than the windows' spare and a part of a zone. Zones
// smaller than a group keep no windows together. It needs mu.
func (a *allocator) crowded() bool {
	used := uint64(len(a.zoneOut))*a.zoneSlots - a.free
	return a.zoneSlots >= groupSlots && a.free < used/spareShare+a.zoneSlots/spareShare
}

const noSlot = ^uint64(0)

// run returns the first of n consecutive free slots of a group, or noSlot.
func (a *allocator) run(g, n int) uint64 {
	if a.groupFree[g] < int32(n) || a.zoneOut[g/a.groupsPerZone] {
		return noSlot
	}
	from, to := a.groupRange(g)
	length := 0
	for s := from; s < to; s++ {
		if a.used[s/64]>>(s%64)&1 == 1 {
			length = 0
			continue
		}
		if length++; length == n {
			return s + 1 - uint64(n)
		}
	}
	return noSlot
}

// nextFree returns a free slot of a group, or noSlot.
func (a *allocator) nextFree(g int) uint64 {
	if a.groupFree[g] == 0 || a.zoneOut[g/a.groupsPerZone] {
		return noSlot
	}
	from, to := a.groupRange(g)
	for s := from; s < to; {
		w := ^a.used[s/64] >> (s % 64)
		if w == 0 {
			s = (s/64 + 1) * 64
			continue
		}
		s += uint64(bits.TrailingZeros64(w))
		if s < to {
			return s
		}
	}
	return noSlot
}

// freshGroup returns a whole group with nothing in it, or -1. The last of a zone may be a
// part of one, which no window fits in.
func (a *allocator) freshGroup() int {
	for i := range a.groupFree {
		g := (a.cursor + i) % len(a.groupFree)
		if a.groupFree[g] == int32(min(groupSlots, a.zoneSlots)) && !a.zoneOut[g/a.groupsPerZone] {
			a.cursor = (g + 1) % len(a.groupFree)
			return g
		}
	}
	return -1
}

func (a *allocator) take(slot uint64) {
	if invariants.Enabled {
		invariants.Check(a.used[slot/64]>>(slot%64)&1 == 0, "slot %d taken twice", slot)
	}
	a.used[slot/64] |= 1 << (slot % 64)
	g := a.groupOf(slot)
	a.groupFree[g]--
	a.state[g] = groupWritten
	a.free--
}

// release makes slots free. Only slots that nothing references and nobody reads.
func (a *allocator) release(slots []uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range slots {
		if invariants.Enabled {
			invariants.Check(a.used[s/64]>>(s%64)&1 == 1, "slot %d freed twice", s)
		}
		a.used[s/64] &^= 1 << (s % 64)
		a.groupFree[a.groupOf(s)]++
		if !a.zoneOut[s/a.zoneSlots] {
			a.free++
		}
	}
}

// exists says whether a slot is in a zone, during a rebuild.
func (a *allocator) exists(slot uint64) bool { return slot < uint64(len(a.zoneOut))*a.zoneSlots }

// mark takes a slot during a rebuild, of which several goroutines may be a part, and reports
// whether it was free and exists. recount completes the rebuild.
func (a *allocator) mark(slot uint64) (fresh, exists bool) {
	if !a.exists(slot) {
		return false, false
	}
	bit := uint64(1) << (slot % 64)
	return atomic.OrUint64(&a.used[slot/64], bit)&bit == 0, true
}

// recount brings everything else to what the bitmap says, which mark or a checkpoint has set.
func (a *allocator) recount() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.free = 0
	for g := range a.groupFree {
		from, to := a.groupRange(g) // whole words: groupSlots and zones are multiples of 64
		free := int32(to - from)
		for _, w := range a.used[from/64 : to/64] {
			free -= int32(bits.OnesCount64(w))
		}
		if a.groupFree[g] = free; free < int32(to-from) {
			a.state[g] = groupWritten
		}
		if !a.zoneOut[g/a.groupsPerZone] {
			a.free += uint64(free)
		}
	}
}

// retire stops allocation from a zone whose sync has failed.
func (a *allocator) retire(zone int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.zoneOut[zone] {
		return
	}
	a.zoneOut[zone] = true
	for g := zone * a.groupsPerZone; g < (zone+1)*a.groupsPerZone; g++ {
		a.free -= uint64(a.groupFree[g])
	}
}

// usage returns the slots in use and in all.
func (a *allocator) usage() (used, total uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	total = uint64(len(a.zoneOut)) * a.zoneSlots
	for g, f := range a.groupFree {
		from, to := a.groupRange(g)
		used += to - from - uint64(f)
	}
	return used, total
}

// freeSlots returns the slots that can be taken without a new zone.
func (a *allocator) freeSlots() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.free
}
