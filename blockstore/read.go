package blockstore

import (
	"cmp"
	"errors"
	"slices"
	"sync"
	"time"

	"coffer.example/aead"
)

// readRunBlocks is the longest device read.
const readRunBlocks = 64

// blockRead is one block to read: where its ciphertext is, and where its plaintext goes.
type blockRead struct {
	block    uint64
	slot     uint64
	sequence uint64
	session  uint32
	tag      [aead.TagSize]byte
	dst      []byte // BlockSize
	once     bool   // it is not worth a place in the cache
}

// ReadAt implements io.ReaderAt; p is filled whole or an error is returned. Every byte
// has been authenticated. A block that does not authenticate gives ErrCorrupt.
func (d *Device) ReadAt(p []byte, off int64) (int, error) {
	began := time.Now()
	if err := d.check(off, int64(len(p))); err != nil {
		return 0, err
	}
	first, last := uint64(off)/BlockSize, (uint64(off)+uint64(len(p))+BlockSize-1)/BlockSize
	if len(p) == 0 {
		return 0, nil
	}
	var head, tail []byte
	dst := func(block uint64) []byte {
		at := int64(block)*BlockSize - off
		switch {
		case at < 0:
			head = make([]byte, BlockSize)
			return head
		case at+BlockSize > int64(len(p)):
			tail = make([]byte, BlockSize)
			return tail
		}
		return p[at : at+BlockSize]
	}
	if err := d.readBlocks(first, last, dst); err != nil {
		clear(p) // never hand out what may be half a request
		d.store.metrics.readErrors.Add(1)
		return 0, err
	}
	if head != nil {
		copy(p, head[off%BlockSize:])
	}
	if tail != nil {
		copy(p[(int64(last)-1)*BlockSize-off:], tail)
	}
	d.store.metrics.reads.Add(1)
	d.store.metrics.readTime.since(began)
	d.store.metrics.readBytes.Add(uint64(len(p)))
	return len(p), nil
}

// readBlocks reads the blocks [first, last) to where dst says.
func (d *Device) readBlocks(first, last uint64, dst func(uint64) []byte) error {
	ticket := d.store.epochs.enter()
	defer d.store.epochs.leave(ticket)
	reads, err := d.locateAll(first, last, dst)
	if err != nil {
		return err
	}
	return d.fetch(reads)
}

// locateAll finds the blocks [first, last), see locate.
func (d *Device) locateAll(first, last uint64, dst func(uint64) []byte) ([]blockRead, error) {
	var reads []blockRead
	for b := first; b < last; {
		e := b / ExtentBlocks
		end := min(last, (e+1)*ExtentBlocks)
		var err error
		if reads, err = d.locate(reads, e, int(b%ExtentBlocks), int(end-e*ExtentBlocks), dst); err != nil {
			return nil, err
		}
		b = end
	}
	return reads, nil
}

// locate finds blocks [from, to) of an extent: staged ones are opened and holes
// cleared at once, the others appended to reads.
func (d *Device) locate(reads []blockRead, extent uint64, from, to int, dst func(uint64) []byte) ([]blockRead, error) {
	var missing uint16
	var staged []blockRead
	var sealed [][]byte
	sh := d.shard(extent)
	sh.mu.Lock()
	for i := from; i < to; i++ {
		b, st, ok := sh.dirtyState(extent, i)
		switch {
		case !ok:
			missing |= 1 << i
		case !st.present:
			clear(dst(extent*ExtentBlocks + uint64(i)))
		default:
			r := blockRead{block: extent*ExtentBlocks + uint64(i), slot: b.slot, sequence: b.sequence, session: b.session, tag: b.tag}
			r.dst = dst(r.block)
			buf := make([]byte, BlockSize, BlockSize+aead.TagSize)
			if b.write.read(buf, b.index) {
				staged, sealed = append(staged, r), append(sealed, buf)
			} else {
				reads = append(reads, r)
			}
		}
	}
	sh.mu.Unlock()
	for i := range staged {
		if err := d.openOne(&staged[i], sealed[i]); err != nil {
			return nil, err
		}
	}
	return d.locateCommitted(reads, extent, missing, dst)
}

// locateCommitted finds the blocks of mask in the index: the volume's own record, then its parents.
func (d *Device) locateCommitted(reads []blockRead, extent uint64, mask uint16, dst func(uint64) []byte) ([]blockRead, error) {
	chain := d.levels()
	for l := -1; l < len(chain) && mask != 0; l++ {
		r, err := d.recordAt(chain, l, extent)
		if err != nil {
			return nil, err
		}
		if l >= 0 {
			shown := shownMask(chain[l].blocks, extent)
			for i := range ExtentBlocks {
				if (mask&^shown)>>i&1 == 1 {
					clear(dst(extent*ExtentBlocks + uint64(i)))
				}
			}
			mask &= shown
		}
		if r == nil {
			continue
		}
		for i := range ExtentBlocks {
			block := extent*ExtentBlocks + uint64(i)
			switch {
			case mask>>i&1 == 0:
			case r.has(i):
				reads = append(reads, blockRead{block: block, slot: r.slots[i], sequence: r.sequences[i],
					session: r.sessions[i], tag: r.tags[i], dst: dst(block)})
			case r.zero>>i&1 == 1:
				clear(dst(block))
			}
		}
		mask &^= r.covered()
	}
	for i := range ExtentBlocks {
		if mask>>i&1 == 1 {
			clear(dst(extent*ExtentBlocks + uint64(i)))
		}
	}
	return reads, nil
}

// shownMask returns which blocks of an extent lie below a limit in blocks.
func shownMask(limit, extent uint64) uint16 {
	first := extent * ExtentBlocks
	switch {
	case limit <= first:
		return 0
	case limit >= first+ExtentBlocks:
		return ^uint16(0)
	}
	return 1<<(limit-first) - 1
}

// deviceRuns takes out what the cache of opened blocks has, opens what is yet to be written
// to its slot, and groups the others into device reads of neighbouring slots.
func (d *Device) deviceRuns(reads []blockRead) ([][]blockRead, error) {
	if !d.uncached {
		reads = slices.DeleteFunc(reads, func(r blockRead) bool { return d.store.blocks.get(r.dst, r.sequence) })
	}
	reads, err := d.openLanding(reads)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(reads, func(a, b blockRead) int { return cmp.Compare(a.slot, b.slot) })
	var runs [][]blockRead
	for start := 0; start < len(reads); {
		end := start + 1
		for end < len(reads) && reads[end].slot-reads[end-1].slot <= readGapSlots &&
			reads[end].slot-reads[start].slot < readRunBlocks &&
			reads[end].slot/d.store.super.zoneSlots == reads[start].slot/d.store.super.zoneSlots {
			end++
		}
		runs = append(runs, reads[start:end])
		start = end
	}
	return runs, nil
}

// openLanding opens the blocks that are yet to be written to their slots and returns the others.
func (d *Device) openLanding(reads []blockRead) ([]blockRead, error) {
	l := d.store.landing
	if l.count.Load() == 0 {
		return reads, nil
	}
	buf := make([]byte, BlockSize, BlockSize+aead.TagSize)
	rest := reads[:0]
	for i := range reads {
		r := reads[i]
		if !l.read(buf, r.slot) {
			rest = append(rest, r)
		} else if err := d.openOne(&r, buf); err != nil {
			return nil, err
		}
	}
	return rest, nil
}

// fetch reads the slots from the zones, merging neighbours, and opens the blocks.
func (d *Device) fetch(reads []blockRead) error {
	runs, err := d.deviceRuns(reads)
	if err != nil || len(runs) == 0 {
		return err
	}
	if len(runs) == 1 {
		return d.fetchRun(runs[0])
	}
	errs := make([]error, len(runs))
	var wg sync.WaitGroup
	limit := make(chan struct{}, readParallel)
	for i, run := range runs {
		limit <- struct{}{}
		wg.Go(func() {
			errs[i] = d.fetchRun(run)
			<-limit
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// runBytes is the length of the device read of a run.
func runBytes(run []blockRead) int {
	return (int(run[len(run)-1].slot-run[0].slot) + 1) * BlockSize
}

// fetchRun does one device read and opens its blocks.
func (d *Device) fetchRun(run []blockRead) error {
	s := d.store
	z := s.zone(run[0].slot)
	if z == nil {
		return d.corruptRead(&run[0], "no such zone")
	}
	buf := s.reads.get()
	defer s.reads.put(buf)
	if _, err := z.file.ReadAt(buf[:runBytes(run)], s.slotOffset(run[0].slot)); err != nil {
		return err
	}
	return d.openRun(run, buf)
}

// openRun opens the blocks of a device read from the highest slot down: each tag is
// laid behind its ciphertext, where the block above has already been opened.
func (d *Device) openRun(run []blockRead, buf []byte) error {
	for i := len(run) - 1; i >= 0; i-- {
		at := int(run[i].slot-run[0].slot) * BlockSize
		if i+1 < len(run) && run[i+1].slot == run[i].slot {
			return d.corruptRead(&run[i], "two blocks in one slot")
		}
		if err := d.openOne(&run[i], buf[at:at+BlockSize:at+BlockSize+aead.TagSize]); err != nil {
			return err
		}
		if len(run) <= cacheRunBlocks && !d.uncached && !run[i].once {
			d.store.blocks.put(d, run[i].sequence, run[i].dst)
		}
	}
	return nil
}

// cacheRunBlocks is the longest device read whose blocks enter the cache: longer ones
// are mostly sequential and would only push out what is read again.
const cacheRunBlocks = ExtentBlocks

// openOne authenticates and decrypts a block. sealed has capacity for the tag behind the ciphertext.
func (d *Device) openOne(r *blockRead, sealed []byte) error {
	session, err := d.sessions.get(r.session)
	if err != nil {
		return err
	}
	sc := d.getScratch()
	_, err = session.sealer.OpenBlock(sc, r.dst[:0], append(sealed, r.tag[:]...), r.block, r.sequence)
	d.putScratch(sc)
	if err != nil {
		return d.corruptRead(r, "tag")
	}
	return nil
}

func (d *Device) corruptRead(r *blockRead, detail string) error {
	d.store.metrics.authFailures.Add(1)
	return &CorruptError{Kind: KindBlock, Volume: d.ID(), Block: int64(r.block), Slot: int64(r.slot), Detail: detail}
}

// readBlock reads one block and returns the state that it had in the volume itself.
func (d *Device) readBlock(dst []byte, block uint64) (blockState, error) {
	e, i := block/ExtentBlocks, int(block%ExtentBlocks)
	ticket := d.store.epochs.enter()
	defer d.store.epochs.leave(ticket)
	sh := d.shard(e)
	sh.mu.Lock()
	b, st, err := d.state(sh, e, i)
	var buf []byte
	if err == nil && b != nil {
		buf = make([]byte, BlockSize, BlockSize+aead.TagSize)
		if !b.write.read(buf, b.index) {
			buf = nil
		}
	}
	sh.mu.Unlock()
	if err != nil {
		return st, err
	}
	here := func(uint64) []byte { return dst }
	switch {
	case buf != nil:
		return st, d.openOne(&blockRead{block: block, slot: st.slot, sequence: st.sequence, session: b.session, tag: b.tag, dst: dst}, buf)
	case b != nil:
		return st, d.fetch([]blockRead{{block: block, slot: st.slot, sequence: st.sequence, session: b.session, tag: b.tag, dst: dst}})
	case st.zero:
		clear(dst)
		return st, nil
	}
	reads, err := d.locateCommitted(nil, e, 1<<i, here)
	if err != nil {
		return st, err
	}
	if st.present && (len(reads) != 1 || reads[0].sequence != st.sequence) {
		st = blockState{present: len(reads) == 1} // a round came between: the caller's condition must fail
	}
	return st, d.fetch(reads)
}

// record returns the volume's own current record of an extent, or nil.
func (d *Device) record(extent uint64) (*extentRecord, error) { return d.recordAt(nil, -1, extent) }

// recordAt returns the record of a level of a chain (-1: the volume itself), authenticated.
func (d *Device) recordAt(chain []level, l int, extent uint64) (*extentRecord, error) {
	if l < 0 && d.view != nil {
		return nil, nil
	}
	if l < 0 {
		return d.store.readRecord(d.store.index, recordKey{d.number, currentView, extent}, d.rid, d.keys[0].index)
	}
	lv := &chain[l]
	return d.store.readRecord(d.store.index, recordKey{lv.volume, lv.generation, extent}, lv.rid, lv.keys.index)
}

// recordFinder is the index, or a lookup of it.
type recordFinder interface {
	newest(volume uint32, extent uint64, generation uint32, fn func(gen uint32, v []byte) error) (bool, error)
}

// readRecord returns the newest record of an extent in a view, from the cache or the
// index; nil if there is none. A record that does not authenticate is ErrCorrupt.
func (s *Store) readRecord(ix recordFinder, k recordKey, rid aead.ID, mac *aead.MACKey) (*extentRecord, error) {
	r, ok, version := s.cache.get(k)
	if ok {
		return r, nil
	}
	found, err := ix.newest(k.volume, k.extent, k.generation, func(gen uint32, v []byte) error {
		r = &extentRecord{generation: gen}
		n, err := decodeExtent(v, r)
		if err == nil && extentMAC(mac, rid, k.extent, gen, v[:n]) != r.mac {
			err = errors.New("MAC")
		}
		if err != nil {
			s.metrics.authFailures.Add(1)
			return &CorruptError{Kind: KindRecord, Block: int64(k.extent * ExtentBlocks), Slot: -1, Detail: err.Error()}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !found {
		r = nil
	}
	s.cache.putRead(k, r, version)
	return r, nil
}
