package blockstore

// promptBytes is the longest operation that is worth doing without a handover.
const promptBytes = ExtentSize

// ReadsPrompt says whether a read will probably be served from memory: every block is
// a hole, cached or still staged. It is cheap, and a guess.
func (d *Device) ReadsPrompt(off, n int64) bool {
	if n <= 0 || n > promptBytes || d.check(off, n) != nil {
		return false
	}
	for block, last := uint64(off)/BlockSize, uint64(off+n-1)/BlockSize; block <= last; block++ {
		if !d.blockPrompt(block) {
			return false
		}
	}
	return true
}

func (d *Device) blockPrompt(block uint64) bool {
	extent, i := block/ExtentBlocks, int(block%ExtentBlocks)
	sh := d.shard(extent)
	sh.mu.Lock()
	b, st, ok := sh.dirtyState(extent, i)
	sh.mu.Unlock()
	if ok {
		return !st.present || b.write.staged() || d.store.blocks.has(st.sequence)
	}
	r, ok, _ := d.store.cache.get(recordKey{d.number, currentView, extent})
	if !ok {
		return false
	}
	if r != nil && r.has(i) {
		return d.store.blocks.has(r.sequences[i])
	}
	return r != nil && r.zero>>i&1 == 1 || len(d.levels()) == 0
}

// promptFlushBytes is the most that a flush writes without a handover: what comes after it waits.
const promptFlushBytes = ExtentSize

// FlushesPrompt says whether a flush will probably be one short write to the journal, or nothing.
func (d *Device) FlushesPrompt() bool {
	return d.dirty.Load() <= promptFlushBytes && d.rounds.idle() && d.store.journal.ready()
}

// WritesPrompt says whether a write will probably only be sealed and staged: it is
// short and whole, a buffer is free, and nothing holds writers back.
func (d *Device) WritesPrompt(off, n int64) bool {
	return n > 0 && n <= promptBytes && off%BlockSize == 0 && n%BlockSize == 0 &&
		d.dirty.Load() < flushBytes && d.store.small.ready() && d.store.large.ready()
}
