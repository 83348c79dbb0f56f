package blockstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"sync"

	"coffer.example/aead"
)

// VerifyOptions direct a verification.
type VerifyOptions struct {
	// Keys opens the data keys; nil takes the store's Keyring.
	Keys Keyring
	// StructureOnly checks what needs no key: records decode, slots have one owner, zones are whole.
	StructureOnly bool
	// Progress, if set, is told from time to time how many of the extent records have been checked.
	Progress func(done, total int64)
	// Workers is how many extents are read at once; 0 is 4.
	Workers int
}

// Report is what a verification found.
type Report struct {
	Volumes, Snapshots int
	Records            int64 // extent records authenticated
	Blocks             int64 // blocks read and authenticated
	Unchecked          []string
	// Problems has the first bad place of each kind, and Counts how many of each kind there are.
	Problems map[string]error
	Counts   map[string]int64
}

// Clean says whether everything was checked and nothing found.
func (r *Report) Clean() bool { return len(r.Problems) == 0 && len(r.Unchecked) == 0 }

// verifier is a verification under way.
type verifier struct {
	s    *Store
	o    VerifyOptions
	mu   sync.Mutex // guards r, done
	r    Report
	done int64
	all  int64
}

// Verify reads and authenticates everything in the store: every header, every extent
// record of every generation, every block, the set hash of every view, every slot
// reference. It changes nothing. Volumes whose key is refused are listed as unchecked.
// Writes may go on; what is being changed meanwhile is checked as it was.
func (s *Store) Verify(ctx context.Context, o VerifyOptions) (*Report, error) {
	if o.Keys == nil {
		o.Keys = s.keys
	}
	if o.Workers <= 0 {
		o.Workers = 4
	}
	v := &verifier{s: s, o: o, r: Report{Problems: map[string]error{}, Counts: map[string]int64{}}}
	for _, err := range s.Damage() {
		v.problem(err)
	}
	if err := v.count(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	numbers := slices.Sorted(maps.Keys(s.volumes))
	s.mu.RUnlock()
	for _, n := range numbers {
		s.mu.RLock()
		vol := s.volumes[n]
		s.mu.RUnlock()
		if vol == nil {
			continue
		}
		if err := v.volume(ctx, vol); err != nil {
			return nil, err
		}
	}
	return &v.r, nil
}

func (v *verifier) problem(err error) {
	kind := "error"
	var c *CorruptError
	if errors.As(err, &c) {
		kind = c.Kind
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.r.Problems[kind] == nil {
		v.r.Problems[kind] = err
	}
	v.r.Counts[kind]++
}

// count finds how many extent records there are, for the progress.
func (v *verifier) count() error {
	if v.o.Progress == nil {
		return nil
	}
	return v.s.index.scan([]byte{prefixExtent}, rangeEnd([]byte{prefixExtent}), func(_, _ []byte) (bool, error) {
		v.all++
		return true, nil
	})
}

// volume verifies one volume with all its snapshots under one state of its records.
func (v *verifier) volume(ctx context.Context, vol *volume) error {
	vol.roundMu.Lock() // rounds and deletions of this volume wait
	defer vol.roundMu.Unlock()
	v.s.mu.RLock()
	h, snapshots := vol.header, slices.Clone(vol.snapshots)
	v.s.mu.RUnlock()
	views := v.views(h, snapshots)
	v.r.Volumes++
	v.r.Snapshots += len(snapshots)
	if len(views) == 0 {
		return nil
	}
	if v.o.StructureOnly {
		v.unchecked(h.id, nil)
		return v.structure(vol)
	}
	keys, err := v.keys(ctx, h, snapshots)
	if err != nil {
		if errors.Is(err, ErrCorrupt) || errors.Is(err, ErrWrongKey) {
			v.problem(err)
			return v.structure(vol)
		}
		v.unchecked(h.id, err)
		return v.structure(vol)
	}
	defer func() {
		for _, k := range keys {
			k.destroy()
		}
	}()
	own := keys[h.keys[0].dek]
	return v.records(ctx, vol, own, keys, v.openViews(views, h, own))
}

// verifyView is one view of a volume: what its newest records must add up to.
type verifyView struct {
	id         string
	generation uint32
	want       view
	have       aead.SetHash
	births     aead.SetHash
	snapshot   *snapshotHeader // nil for the current state
}

// views returns the current state, if it lives, and the snapshots, newest first.
func (v *verifier) views(h *volumeHeader, snapshots []*snapshotHeader) []*verifyView {
	var out []*verifyView
	if h.state == volumeLive {
		out = append(out, &verifyView{id: h.id, generation: h.generation})
	}
	for _, sn := range slices.Backward(snapshots) {
		if sn.state != snapshotDeleting {
			out = append(out, &verifyView{id: sn.id, generation: sn.generation, snapshot: sn})
		}
	}
	return out
}

// openViews authenticates the headers of the views and drops those that fail.
func (v *verifier) openViews(views []*verifyView, h *volumeHeader, own *volumeKeys) []*verifyView {
	return slices.DeleteFunc(views, func(vw *verifyView) bool {
		if vw.snapshot == nil {
			open := *h
			if err := open.open(own); err != nil {
				v.problem(err)
				return true
			}
			vw.want = open.currentView
			return false
		}
		want, err := vw.snapshot.open(own, h.rid)
		if err != nil {
			v.problem(err)
			return true
		}
		vw.want = *want
		return false
	})
}

// keys opens every data key that the volume and its snapshots name.
func (v *verifier) keys(ctx context.Context, h *volumeHeader, snapshots []*snapshotHeader) (map[uint32]*volumeKeys, error) {
	out := map[uint32]*volumeKeys{}
	add := func(id string, slots []keySlot) error {
		for i := range slots {
			if out[slots[i].dek] != nil {
				continue
			}
			k, err := v.s.unwrapSlot(ctx, id, &slots[i], v.o.Keys)
			if err != nil {
				return err
			}
			out[slots[i].dek] = k
		}
		return nil
	}
	err := add(h.id, h.keys)
	for _, sn := range snapshots {
		if err == nil {
			err = add(sn.id, sn.keys)
		}
	}
	if err != nil {
		for _, k := range out {
			k.destroy()
		}
		return nil, err
	}
	return out, nil
}

func (v *verifier) unchecked(id string, err error) {
	line := id
	if err != nil {
		line = fmt.Sprintf("%s: %v", id, err)
	}
	v.r.Unchecked = append(v.r.Unchecked, line)
}

// structure checks that records decode.
func (v *verifier) structure(vol *volume) error {
	from := numberKey(prefixExtent, vol.number)
	return v.s.index.scan(from, rangeEnd(from), func(k, val []byte) (bool, error) {
		var r extentRecord
		_, extent, _ := parseExtentKey(k)
		if _, err := decodeExtent(val, &r); err != nil {
			v.problem(&CorruptError{Kind: KindRecord, Volume: vol.id, Block: int64(extent * ExtentBlocks), Slot: -1, Detail: err.Error()})
		}
		v.step()
		return true, nil
	})
}

func (v *verifier) step() {
	v.done++
	if v.o.Progress != nil && v.done%1024 == 0 {
		v.o.Progress(v.done, v.all)
	}
}

// records authenticates every record of a volume, adds up the views, and reads the blocks.
func (v *verifier) records(ctx context.Context, vol *volume, own *volumeKeys, keys map[uint32]*volumeKeys, views []*verifyView) error {
	d := &Device{store: v.s, vol: vol, number: vol.number, rid: vol.rid, sessions: newSessionSet(v.s, keys),
		view: &snapshotHeader{id: vol.id}, uncached: true}
	d.scratch.New = func() any { return new(aead.Scratch) }
	from := numberKey(prefixExtent, vol.number)
	work := v.startReaders(d)
	last, settled := ^uint64(0), 0
	seen := map[uint64]bool{} // slots of the current extent
	err := v.s.index.scan(from, rangeEnd(from), func(k, val []byte) (bool, error) {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		_, extent, gen := parseExtentKey(k)
		if extent != last {
			last, settled = extent, 0
			clear(seen)
		}
		v.step()
		var r extentRecord
		n, err := decodeExtent(val, &r)
		if err == nil && extentMAC(own.index, vol.rid, extent, gen, val[:n]) != r.mac {
			err = errors.New("MAC")
		}
		if err != nil {
			v.problem(&CorruptError{Kind: KindRecord, Volume: vol.id, Block: int64(extent * ExtentBlocks), Slot: -1, Detail: err.Error()})
			return true, nil
		}
		v.r.Records++
		prf := own.recordPRF(vol.rid, extent, gen, r.mac)
		for ; settled < len(views) && gen <= views[settled].generation; settled++ {
			views[settled].have.Add(prf) // the newest record that this view sees
		}
		var reads []blockRead
		for m := r.present; m != 0; m &= m - 1 {
			i := bits.TrailingZeros16(m)
			if !seen[r.slots[i]] {
				seen[r.slots[i]] = true
				reads = append(reads, blockRead{block: extent*ExtentBlocks + uint64(i), slot: r.slots[i],
					sequence: r.sequences[i], session: r.sessions[i], tag: r.tags[i], dst: make([]byte, BlockSize)})
			}
		}
		if len(reads) > 0 {
			work.queue <- reads
		}
		return true, nil
	})
	work.finish()
	if err != nil {
		return err
	}
	return v.compare(vol, own, views)
}

// compare checks the set hashes of records and birth lists.
func (v *verifier) compare(vol *volume, own *volumeKeys, views []*verifyView) error {
	oldest := uint32(0)
	if len(views) > 0 {
		oldest = views[len(views)-1].generation
	}
	byGeneration := map[uint32]*verifyView{}
	for _, vw := range views {
		byGeneration[vw.generation] = vw
		if vw.have != vw.want.records {
			v.problem(corrupt(KindRecordSet, vw.id, "a record is missing or an old one was put back"))
		}
	}
	from := numberKey(prefixBirth, vol.number)
	err := v.s.index.scan(from, rangeEnd(from), func(k, _ []byte) (bool, error) {
		if len(k) != birthKeySize {
			return true, nil
		}
		_, gen, extent := parseBirthKey(k)
		if vw := byGeneration[gen]; vw != nil {
			vw.births.Add(own.birthPRF(vol.rid, extent, gen))
		}
		return true, nil
	})
	for _, vw := range views {
		// The oldest view's list has nobody to serve and is deleted with its elder.
		if err == nil && vw.generation != oldest && vw.births != vw.want.births {
			v.problem(corrupt(KindBirths, vw.id, "an entry is missing or was added"))
		}
	}
	return err
}

// readers read and authenticate blocks beside the scan.
type readers struct {
	queue chan []blockRead
	wg    sync.WaitGroup
}

func (v *verifier) startReaders(d *Device) *readers {
	w := &readers{queue: make(chan []blockRead, v.o.Workers)}
	for range v.o.Workers {
		w.wg.Go(func() {
			for reads := range w.queue {
				v.read(d, reads)
			}
		})
	}
	return w
}

func (w *readers) finish() {
	close(w.queue)
	w.wg.Wait()
}

// read authenticates blocks together, and one by one if that fails, to find each bad one.
func (v *verifier) read(d *Device, reads []blockRead) {
	good := int64(len(reads))
	if err := d.fetch(slices.Clone(reads)); err != nil {
		good = 0
		for _, r := range reads {
			if err := d.fetch([]blockRead{r}); err != nil {
				v.problem(err)
				continue
			}
			good++
		}
	}
	v.mu.Lock()
	v.r.Blocks += good
	v.mu.Unlock()
}
