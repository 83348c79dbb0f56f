package blockstore

import (
	"maps"
	"math/bits"
	"slices"
)

// extentSet is a set of extents of one volume: a bit for each, in chunks of 4 GiB of
// volume where there is any. The largest volume's takes 32 MiB.
type extentSet map[uint64]*[chunkWords]uint64

const (
	chunkExtents = 1 << 16
	chunkWords   = chunkExtents / 64
)

func (s extentSet) add(extent uint64) {
	chunk := s[extent/chunkExtents]
	if chunk == nil {
		chunk = new([chunkWords]uint64)
		s[extent/chunkExtents] = chunk
	}
	bit := extent % chunkExtents
	chunk[bit/64] |= 1 << (bit % 64)
}

// each calls fn, in order, for the members in [from, to) until it returns false.
func (s extentSet) each(from, to uint64, fn func(extent uint64) bool) {
	for _, n := range slices.Sorted(maps.Keys(s)) {
		for w, set := range s[n] {
			for ; set != 0; set &= set - 1 {
				extent := n*chunkExtents + uint64(w*64+bits.TrailingZeros64(set))
				if extent >= from && (extent >= to || !fn(extent)) {
					return
				}
			}
		}
	}
}
