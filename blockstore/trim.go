package blockstore

import (
	"context"
	"math/bits"
	"slices"
)

// ZeroOptions change how WriteZeroes works.
type ZeroOptions struct {
	// NoHole writes zeros as data, so that later writes need no more space.
	NoHole bool
}

// Trim says that a range's content is no longer needed: whole blocks in it become
// holes and read as zeros, parts of blocks at its ends keep their content.
func (d *Device) Trim(ctx context.Context, off, n int64) error {
	if err := d.checkChange(off, n); err != nil {
		return err
	}
	first, last := (uint64(off)+BlockSize-1)/BlockSize, uint64(off+n)/BlockSize
	d.store.metrics.trims.Add(1)
	if first >= last {
		return nil
	}
	return d.punch(ctx, first, last)
}

// WriteZeroes makes a range read as zeros.
func (d *Device) WriteZeroes(ctx context.Context, off, n int64, o ZeroOptions) error {
	if err := d.checkChange(off, n); err != nil {
		return err
	}
	d.throttle()
	first, last := (uint64(off)+BlockSize-1)/BlockSize, uint64(off+n)/BlockSize
	if first > last || o.NoHole {
		return d.writeZeroData(ctx, off, n)
	}
	if head := int64(first)*BlockSize - off; head > 0 {
		if err := d.writePart(make([]byte, head), off); err != nil {
			return err
		}
	}
	if tail := off + n - int64(last)*BlockSize; tail > 0 {
		if err := d.writePart(make([]byte, tail), int64(last)*BlockSize); err != nil {
			return err
		}
	}
	if first == last {
		return nil
	}
	return d.punch(ctx, first, last)
}

func (d *Device) checkChange(off, n int64) error {
	if err := d.check(off, n); err != nil {
		return err
	}
	return d.store.writable()
}

// writeZeroData writes zeros like any other data.
func (d *Device) writeZeroData(ctx context.Context, off, n int64) error {
	zeros := make([]byte, min(n, 1<<20))
	for n > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		k := min(n, int64(len(zeros)))
		if err := d.write(zeros[:k], off); err != nil {
			return err
		}
		off, n = off+k, n-k
	}
	return nil
}

// punchExtents is how many extents one step of a trim or a status covers: 256 MiB.
const punchExtents = 4096

// maxPunched is how many extents one trim may make dirty before it flushes.
const maxPunched = 16 * punchExtents

// punch makes the blocks [first, last) holes. Extents that nothing mentions cost nothing.
func (d *Device) punch(ctx context.Context, first, last uint64) error {
	punched := 0
	for first < last {
		if err := ctx.Err(); err != nil {
			return err
		}
		if punched >= maxPunched { // bound the dirty map, which counts no bytes for holes
			punched = 0
			if err := d.Flush(ctx); err != nil {
				return err
			}
		}
		end := min(last, (first/ExtentBlocks+punchExtents)*ExtentBlocks)
		extents, err := d.mentioned(first/ExtentBlocks, (end+ExtentBlocks-1)/ExtentBlocks)
		if err != nil {
			return err
		}
		d.freezeMu.RLock()
		d.active.touch()
		for _, e := range extents {
			d.punchExtent(e, blockMask(e, first, end))
		}
		d.freezeMu.RUnlock()
		punched += len(extents)
		first = end
	}
	return nil
}

// blockMask returns the blocks of an extent that lie in [first, last).
func blockMask(extent, first, last uint64) uint16 {
	return shownMask(last, extent) &^ shownMask(first, extent)
}

func (d *Device) punchExtent(extent uint64, mask uint16) {
	var replaced []*sealedBlock
	sh := d.shard(extent)
	sh.mu.Lock()
	for ; mask != 0; mask &= mask - 1 {
		if b := sh.trim(extent, bits.TrailingZeros16(mask)); b != nil {
			replaced = append(replaced, b)
		}
	}
	sh.mu.Unlock()
	for _, b := range replaced {
		d.forget(b)
	}
}

// mentioned returns, sorted, the extents in [from, to) that the dirty maps, the
// volume's records or its parents' records mention. The dirty maps come first: what a
// round commits meanwhile is then found in the index.
func (d *Device) mentioned(from, to uint64) ([]uint64, error) {
	var out []uint64
	for i := range d.shards {
		sh := &d.shards[i]
		sh.mu.Lock()
		for _, m := range [2]map[uint64]*dirtyExtent{sh.active, sh.frozen} {
			for e := range m {
				if e >= from && e < to {
					out = append(out, e)
				}
			}
		}
		sh.mu.Unlock()
	}
	volumes := []uint32{d.number} // of a view, also its chain's first
	chain := d.levels()
	for _, l := range chain {
		volumes = append(volumes, l.volume)
	}
	for i, v := range volumes {
		end := to
		if i > 0 {
			end = min(to, (chain[i-1].blocks+ExtentBlocks-1)/ExtentBlocks)
		}
		if from >= end {
			continue
		}
		err := d.store.index.scan(appendExtentKey(nil, v, from, ^uint32(0)), appendExtentKey(nil, v, end, ^uint32(0)), func(k, _ []byte) (bool, error) {
			_, e, _ := parseExtentKey(k)
			if len(out) == 0 || out[len(out)-1] != e {
				out = append(out, e)
			}
			return true, nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// Extents calls fn for the runs of data and holes from off, in order, until n bytes are
// covered or fn returns false. A run of data may hold zeros; a hole reads as zeros.
func (d *Device) Extents(ctx context.Context, off, n int64, fn func(length int64, data bool) bool) error {
	if err := d.check(off, n); err != nil {
		return err
	}
	var run int64
	var kind, stopped bool
	emit := func(length int64, data bool) bool {
		if length <= 0 {
			return true
		}
		if run > 0 && data != kind {
			if !fn(run, kind) {
				stopped = true
				return false
			}
			run = 0
		}
		run, kind = run+length, data
		return true
	}
	for at, end := off, off+n; at < end && !stopped; {
		if err := ctx.Err(); err != nil {
			return err
		}
		stop := min(end, (at/ExtentSize+punchExtents)*ExtentSize)
		if err := d.statusStep(at, stop, emit); err != nil {
			return err
		}
		at = stop
	}
	if run > 0 && !stopped {
		fn(run, kind)
	}
	return nil
}

// statusLookups is how many extents are cheaper looked up one by one, mostly in the cache,
// than found by a scan.
const statusLookups = 64

// mayHaveData returns the extents in [from, to) outside of which there is no data.
func (d *Device) mayHaveData(from, to uint64) (extents []uint64, err error) {
	if to-from > statusLookups {
		return d.mentioned(from, to)
	}
	for e := from; e < to; e++ {
		extents = append(extents, e)
	}
	return extents, nil
}

// statusStep emits the runs of [at, stop).
func (d *Device) statusStep(at, stop int64, emit func(int64, bool) bool) error {
	extents, err := d.mayHaveData(uint64(at)/ExtentSize, uint64(stop+ExtentSize-1)/ExtentSize)
	if err != nil {
		return err
	}
	for _, e := range extents {
		data, err := d.dataMask(e)
		if err != nil {
			return err
		}
		for i := range int64(ExtentBlocks) {
			from := int64(e)*ExtentSize + i*BlockSize
			if data>>i&1 == 0 || from+BlockSize <= at || from >= stop {
				continue
			}
			to := min(from+BlockSize, stop)
			if !emit(from-at, false) || !emit(to-max(at, from), true) {
				return nil
			}
			at = to
		}
	}
	emit(stop-at, false)
	return nil
}

// dataMask returns which blocks of an extent have data.
func (d *Device) dataMask(extent uint64) (uint16, error) {
	var data, known uint16
	sh := d.shard(extent)
	sh.mu.Lock()
	for i := range ExtentBlocks {
		if _, st, ok := sh.dirtyState(extent, i); ok {
			known |= 1 << i
			if st.present {
				data |= 1 << i
			}
		}
	}
	sh.mu.Unlock()
	chain := d.levels()
	for l := -1; l < len(chain) && known != ^uint16(0); l++ {
		r, err := d.recordAt(chain, l, extent)
		if err != nil {
			return 0, err
		}
		if l >= 0 {
			known |= ^shownMask(chain[l].blocks, extent)
		}
		if r != nil {
			data |= r.present &^ known
			known |= r.covered()
		}
	}
	return data, nil
}
