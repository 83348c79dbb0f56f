package blockstore

import (
	"context"
	"errors"
	"math/bits"
	"slices"
	"sync"

	"coffer.example/aead"
)

// verifyExtents bounds the extents that one look into the index takes to the readers.
const verifyExtents = 256

// verifyPlace is an extent with the generations that have a record of it, newest first.
type verifyPlace struct {
	extent      uint64
	generations []uint32
}

// blocks reads and authenticates the blocks of every record of a volume, of all generations.
// It holds nothing up: a record that has gone since its extent was listed is passed over.
func (v *verifier) blocks(ctx context.Context, vol *volume, keys *verifyKeys) error {
	d := &Device{store: v.s, vol: vol, number: vol.number, rid: vol.rid, sessions: newSessionSet(v.s, keys.all),
		view: &snapshotHeader{id: vol.id}, uncached: true}
	d.scratch.New = func() any { return new(aead.Scratch) }
	work := v.startReaders(ctx, d, keys.own)
	from := numberKey(prefixExtent, vol.number)
	var err error
	for from != nil && err == nil {
		var places []verifyPlace
		if places, from, err = v.places(vol.number, from); err != nil {
			break
		}
		for _, p := range places {
			v.step(len(p.generations))
			if err = ctx.Err(); err == nil {
				work.queue <- p
			}
		}
	}
	return firstError(err, work.finish())
}

// places lists the next extents of a volume, and the key to go on at (nil: none).
func (v *verifier) places(volume uint32, from []byte) (out []verifyPlace, next []byte, err error) {
	err = v.s.index.scan(from, rangeEnd(numberKey(prefixExtent, volume)), func(k, _ []byte) (bool, error) {
		_, extent, gen := parseExtentKey(k)
		if n := len(out); n > 0 && out[n-1].extent == extent {
			out[n-1].generations = append(out[n-1].generations, gen)
			return true, nil
		}
		if len(out) == verifyExtents {
			next = slices.Clone(k)
			return false, nil
		}
		out = append(out, verifyPlace{extent, []uint32{gen}})
		return true, nil
	})
	return out, next, err
}

// readers read and authenticate blocks beside the scan.
type readers struct {
	queue chan verifyPlace
	wg    sync.WaitGroup
	mu    sync.Mutex // guards err
	err   error
}

func (v *verifier) startReaders(ctx context.Context, d *Device, own *volumeKeys) *readers {
	w := &readers{queue: make(chan verifyPlace, v.o.Workers)}
	for range v.o.Workers {
		w.wg.Go(func() {
			for p := range w.queue {
				if err := v.place(ctx, d, own, p); err != nil {
					w.mu.Lock()
					w.err = firstError(w.err, err)
					w.mu.Unlock()
				}
			}
		})
	}
	return w
}

func (w *readers) finish() error {
	close(w.queue)
	w.wg.Wait()
	return w.err
}

// place reads the blocks of one extent, each slot once.
func (v *verifier) place(ctx context.Context, d *Device, own *volumeKeys, p verifyPlace) error {
	seen := map[uint64]bool{} // by slot
	for _, gen := range p.generations {
		if err := v.wait(ctx, ExtentSize); err != nil {
			return err
		}
		if err := v.placeAt(d, own, p.extent, gen, seen); err != nil {
			return err
		}
	}
	return nil
}

// placeAt reads what a record names now. What it names stays in its slots until the ticket is given back.
func (v *verifier) placeAt(d *Device, own *volumeKeys, extent uint64, gen uint32, seen map[uint64]bool) error {
	ticket := v.s.epochs.enter()
	defer v.s.epochs.leave(ticket)
	val, err := v.s.index.get(appendExtentKey(nil, d.number, extent, gen))
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	r, err := authenticRecord(own, d.rid, extent, gen, val)
	if err != nil {
		return nil // the pass over the records names it
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
		v.read(d, reads)
	}
	return nil
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
