package blockstore

import (
	"context"
	"errors"
	"slices"

	"coffer.example/aead"
)

// verifyView is one view of a volume: what its newest records must add up to.
type verifyView struct {
	id         string
	generation uint32
	want       view
	have       aead.SetHash
	births     aead.SetHash
	snapshot   *snapshotHeader // nil for the current state
}

// pinnedVolume is one state of a volume and of its records.
type pinnedVolume struct {
	vol       *volume
	header    *volumeHeader
	snapshots []*snapshotHeader
	index     *pinnedIndex
}

// pin takes the state between two rounds.
func (v *verifier) pin(vol *volume) (*pinnedVolume, error) {
	vol.roundMu.Lock()
	defer vol.roundMu.Unlock()
	v.s.mu.RLock()
	p := &pinnedVolume{vol: vol, header: vol.header, snapshots: slices.Clone(vol.snapshots)}
	v.s.mu.RUnlock()
	var err error
	p.index, err = v.s.index.pin()
	return p, err
}

func (p *pinnedVolume) release() error { return p.index.release() }

// views returns the current state, if it lives, and the snapshots, newest first.
func (p *pinnedVolume) views() []*verifyView {
	h, snapshots := p.header, p.snapshots
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

// verifyKeys are the keys of a volume and its snapshots, by data key.
type verifyKeys struct {
	own *volumeKeys
	all map[uint32]*volumeKeys
}

func (k *verifyKeys) destroy() {
	for _, one := range k.all {
		one.destroy()
	}
}

// keys opens every data key that the volume and its snapshots name.
func (v *verifier) keys(ctx context.Context, h *volumeHeader, snapshots []*snapshotHeader) (*verifyKeys, error) {
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
	keys := &verifyKeys{all: out}
	if err != nil {
		keys.destroy()
		return nil, err
	}
	keys.own = out[h.keys[0].dek]
	return keys, nil
}

// records authenticates every record of a volume and adds up the views.
func (v *verifier) records(ctx context.Context, p *pinnedVolume, keys *verifyKeys, views []*verifyView) error {
	vol, own := p.vol, keys.own
	from := numberKey(prefixExtent, vol.number)
	last, settled := ^uint64(0), 0
	err := p.index.scan(from, rangeEnd(from), func(k, val []byte) (bool, error) {
		if err := v.wait(ctx, len(k)+len(val)); err != nil {
			return false, err
		}
		_, extent, gen := parseExtentKey(k)
		if extent != last {
			last, settled = extent, 0
		}
		r, err := authenticRecord(own, vol.rid, extent, gen, val)
		if err != nil {
			v.problem(&CorruptError{Kind: KindRecord, Volume: vol.id, Block: int64(extent * ExtentBlocks), Slot: -1, Detail: err.Error()})
			return true, nil
		}
		v.r.Records++
		prf := own.recordPRF(vol.rid, extent, gen, r.mac)
		for ; settled < len(views) && gen <= views[settled].generation; settled++ {
			views[settled].have.Add(prf) // the newest record that this view sees
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	return v.compare(p, own, views)
}

// authenticRecord decodes a record that authenticates.
func authenticRecord(k *volumeKeys, rid aead.ID, extent uint64, gen uint32, val []byte) (*extentRecord, error) {
	r := new(extentRecord)
	n, err := decodeExtent(val, r)
	if err == nil && extentMAC(k.index, rid, extent, gen, val[:n]) != r.mac {
		err = errors.New("MAC")
	}
	return r, err
}

// compare checks the set hashes of records and birth lists.
func (v *verifier) compare(p *pinnedVolume, own *volumeKeys, views []*verifyView) error {
	vol := p.vol
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
	err := p.index.scan(from, rangeEnd(from), func(k, _ []byte) (bool, error) {
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
