package blockstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
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
	Volumes, Snapshots int   // that users made and have not deleted
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
	pace func(n int) error // if set, is asked before n bytes are read
}

// Verify reads and authenticates everything in the store: every header, every extent
// record of every generation, every block, the set hash of every view, every slot
// reference. It changes nothing. Volumes whose key is refused are listed as unchecked.
// Writes may go on: a volume's records are checked as they were at one moment, its
// blocks as they are when they are read.
func (s *Store) Verify(ctx context.Context, o VerifyOptions) (*Report, error) {
	v := s.newVerifier(o)
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

func (s *Store) newVerifier(o VerifyOptions) *verifier {
	if o.Keys == nil {
		o.Keys = s.keys
	}
	if o.Workers <= 0 {
		o.Workers = 4
	}
	return &verifier{s: s, o: o, r: Report{Problems: map[string]error{}, Counts: map[string]int64{}}}
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
	p, err := v.pin(vol)
	if err != nil {
		return err
	}
	views := p.views()
	if p.header.state == volumeLive && !vol.isCopy {
		v.r.Volumes++
	}
	for _, vw := range views {
		if vw.snapshot != nil && vw.snapshot.state == snapshotLive {
			v.r.Snapshots++
		}
	}
	if len(views) == 0 {
		return p.release()
	}
	keys, err := v.volumeKeys(ctx, p)
	if keys == nil {
		return firstError(err, p.release(), v.structure(vol))
	}
	defer keys.destroy()
	err = v.records(ctx, p, keys, v.openViews(views, p.header, keys.own))
	if err := firstError(err, p.release()); err != nil {
		return err
	}
	return v.blocks(ctx, vol, keys)
}

// volumeKeys opens the keys of a volume, or notes why it cannot and returns nil.
func (v *verifier) volumeKeys(ctx context.Context, p *pinnedVolume) (*verifyKeys, error) {
	if v.o.StructureOnly {
		v.unchecked(p.header.id, nil)
		return nil, nil
	}
	keys, err := v.keys(ctx, p.header, p.snapshots)
	switch {
	case err == nil:
		return keys, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, ErrCorrupt), errors.Is(err, ErrWrongKey):
		v.problem(err)
	default:
		v.unchecked(p.header.id, err)
	}
	return nil, nil
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
		v.step(1)
		return true, nil
	})
}

// step counts records that have been dealt with.
func (v *verifier) step(n int) {
	before := v.done
	v.done += int64(n)
	if v.o.Progress != nil && v.done/1024 != before/1024 {
		v.o.Progress(v.done, v.all)
	}
}

// wait is called before n bytes are read.
func (v *verifier) wait(ctx context.Context, n int) error {
	if err := ctx.Err(); err != nil || v.pace == nil {
		return err
	}
	return v.pace(n)
}
