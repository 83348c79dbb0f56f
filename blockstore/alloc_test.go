package blockstore

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// The allocator against a map: nothing is handed out twice, nothing is refused while
// enough is free, retired zones give nothing, and the counts add up.
func TestAllocatorModel(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		zoneSlots := uint64([]int{64, 128, 384, 1024}[seed%4])
		a := newAllocator(zoneSlots, 5*zoneSlots+zoneSlots/2)
		used, retired := map[uint64]bool{}, map[uint64]bool{}
		hints := map[int]hint{}
		free := func() (n int) {
			for slot := range uint64(a.zones()) * zoneSlots {
				if !used[slot] && !retired[slot/zoneSlots] {
					n++
				}
			}
			return n
		}
		for range 600 {
			switch p := r.IntN(100); {
			case p < 55:
				w, n := r.IntN(4), 1+r.IntN([]int{1, 16, windowBlocks}[r.IntN(3)])
				slots, next, ok := a.alloc([]uint64{99}, hints[w], n, false)
				require.Equal(t, free() >= n, ok)
				if !ok {
					require.Equal(t, []uint64{99}, slots, "it took nothing")
					continue
				}
				require.Len(t, slots, n+1)
				for _, s := range slots[1:] {
					require.False(t, used[s], "slot %d twice", s)
					require.False(t, retired[s/zoneSlots])
					require.Less(t, s, uint64(a.zones())*zoneSlots)
					used[s] = true
				}
				hints[w] = next
			case p < 90:
				var give []uint64
				for s := range used {
					if give = append(give, s); len(give) >= 1+r.IntN(200) {
						break
					}
				}
				a.release(give)
				for _, s := range give {
					delete(used, s)
				}
			case p < 95:
				require.Equal(t, a.zones() < 5, a.mayGrow(), "whole zones below the limit")
				if a.mayGrow() {
					a.addZone()
				}
			case p < 96 && a.zones() > 1:
				z := r.IntN(a.zones())
				a.retire(z)
				retired[uint64(z)] = true
			}
			have, total := a.usage()
			require.EqualValues(t, len(used), have)
			require.EqualValues(t, uint64(a.zones())*zoneSlots, total)
			require.EqualValues(t, free(), a.free)
		}
	}
}

// mark is the rebuild's side: it says whether a slot was free and whether it exists.
func TestAllocatorMark(t *testing.T) {
	a := newAllocator(64, 0)
	a.addZone()
	for _, c := range []struct {
		slot          uint64
		fresh, exists bool
	}{{3, true, true}, {3, false, true}, {63, true, true}, {64, false, false}, {maxSlot, false, false}} {
		fresh, exists := a.mark(c.slot)
		require.Equal(t, c.fresh, fresh)
		require.Equal(t, c.exists, exists)
	}
}

// A slot that was given up is not reused while a reader that entered before is still
// there, and is reused once all have left.
func TestEpochsModel(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 2))
		type reader struct {
			ticket uint64
			sees   map[uint64]bool // given up while it reads
		}
		var readers []*reader
		reused := map[uint64]bool{}
		e := epochs{reuse: func(slots []uint64) {
			for _, s := range slots {
				require.False(t, reused[s], "reused twice")
				reused[s] = true
				for _, rd := range readers {
					require.False(t, rd.sees[s], "slot %d is reused under a reader", s)
				}
			}
		}}
		next := uint64(0)
		for range 2000 {
			switch p := r.IntN(10); {
			case p < 4 && len(readers) < 5:
				readers = append(readers, &reader{e.enter(), map[uint64]bool{}})
			case p < 7 && len(readers) > 0:
				i := r.IntN(len(readers))
				ticket := readers[i].ticket
				readers = append(readers[:i], readers[i+1:]...)
				e.leave(ticket)
			default:
				for _, rd := range readers {
					rd.sees[next] = true
				}
				e.release([]uint64{next})
				next++
			}
		}
		for len(readers) > 0 {
			ticket := readers[0].ticket
			readers = readers[1:]
			e.leave(ticket)
		}
		e.barrier()
		e.barrier()
		require.Len(t, reused, int(next))
	}
}

// Readers hold a slot number from a shared table while writers replace and free it:
// nobody finds a slot reused under it. With -race this also checks the memory order.
func TestEpochsConcurrent(t *testing.T) {
	const slots = 64
	var table atomic.Uint64
	var state [slots]atomic.Int64 // 1: free for use
	free := make(chan uint64, slots)
	e := epochs{reuse: func(given []uint64) {
		for _, s := range given {
			state[s].Store(1)
			free <- s
		}
	}}
	for s := uint64(1); s < slots; s++ {
		state[s].Store(1)
		free <- s
	}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 3 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				ticket := e.enter()
				s := table.Load()
				for range 20 {
					if state[s].Load() != 0 {
						t.Errorf("slot %d is free under its reader", s)
					}
				}
				e.leave(ticket)
			}
		})
	}
	for range 20_000 {
		s := <-free
		state[s].Store(0)
		e.release([]uint64{table.Swap(s)})
	}
	close(stop)
	wg.Wait()
}

// Windows do not take each other's spare while there may be another zone; when there
// may not, what is free must do.
func TestWindowsKeepTheirSpare(t *testing.T) {
	a := newAllocator(DefaultZoneSlots, 0)
	a.addZone()
	windows := DefaultZoneSlots/windowBlocks - 1
	for w := range windows {
		slots, _, ok := a.alloc(nil, 0, windowBlocks, true)
		if !ok {
			a.addZone()
			slots, _, ok = a.alloc(nil, 0, windowBlocks, true)
		}
		require.True(t, ok)
		require.Equal(t, a.groupOf(slots[0]), a.groupOf(slots[windowBlocks-1]), "window %d", w)
	}
	require.Equal(t, 2, a.zones())

	// 8 GiB need two windows more than ten zones have groups. The tails of the zones take
	// them, with a spare of their own, which later versions of their blocks go to.
	a = newAllocator(DefaultZoneSlots, 0)
	inTails := map[hint][]uint64{}
	for range 8 * GiB / BlockSize / windowBlocks {
		slots, h, ok := a.alloc(nil, 0, windowBlocks, true)
		for ; !ok; slots, h, ok = a.alloc(nil, 0, windowBlocks, true) {
			a.addZone()
		}
		tail := a.isTail(a.groupOf(slots[0]))
		for _, s := range slots {
			require.Equal(t, tail, a.isTail(a.groupOf(s)))
		}
		if tail {
			inTails[h] = append(inTails[h], slots...)
		}
	}
	require.Equal(t, 10, a.zones())
	for h, slots := range inTails {
		for _, s := range slots {
			next, _, ok := a.alloc(nil, h, 1, true)
			require.True(t, ok)
			require.True(t, a.isTail(a.groupOf(next[0])))
			a.release([]uint64{s})
		}
	}
	for g, free := range a.groupFree {
		require.True(t, a.isTail(g) || free >= groupSlots-windowBlocks, "group %d has %d free", g, free)
	}

	full := newAllocator(DefaultZoneSlots, DefaultZoneSlots)
	full.addZone()
	for range windows {
		_, _, ok := full.alloc(nil, 0, windowBlocks, false)
		require.True(t, ok)
	}
	_, _, ok := full.alloc(nil, 0, windowBlocks, true)
	require.False(t, ok)
}
