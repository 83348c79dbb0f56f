package blockstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"path/filepath"
	"sync"

	"github.com/cespare/xxhash/v2"

	"coffer.example/aead"
)

// The journal makes a small flush durable with one synced write: an entry holds the
// round's index batch and the ciphertext of its blocks. The batch is then applied to
// the index without a sync of its own, and the blocks are written to their slots later
// (see landing). After a crash the entries are applied again. See doc.go for the format.
const (
	// DefaultJournalBytes is the size of the journal.
	DefaultJournalBytes = 8 << 20
	// journalBlocks is the most blocks that a round in the journal has; more are
	// better synced where they lie than written twice.
	journalBlocks = 64

	// MaxJournalBytes bounds the journal: an open after a crash reads it into memory.
	MaxJournalBytes = 64 << 20

	// journalNumberSize is at least what M journal adds to a batch.
	journalNumberSize = 32

	journalMagic    = "COFFERJE"
	journalHead     = 8 + 16 + 8 + 4 + 4 + 8
	journalRefSize  = 4 + 6 + 1 + 5 + 8
	journalMaxBatch = 256 << 10
	journalMaxHead  = (journalHead + journalBlocks*journalRefSize + journalMaxBatch + BlockSize - 1) / BlockSize * BlockSize
	journalMaxEntry = journalMaxHead + journalBlocks*BlockSize
)

// journal is the file and what is known of it.
type journal struct {
	file  zoneFile
	size  int64
	id    aead.ID // of the store
	seams *seams
	land  func() error // brings the blocks of entries to their slots

	mu       sync.Mutex // guards the fields below; held from an entry's number to its application
	next     uint64     // number of the next entry
	tail     int64      // where it goes
	unsynced map[*zone]struct{}
	buf      []byte // aligned
	err      error  // a failed write or sync: no more entries
}

// journalEntry is a decoded entry.
type journalEntry struct {
	number uint64
	batch  []byte
	refs   []journalRef
	data   []byte // the blocks' ciphertext, in the order of refs
	size   int64  // in the file
}

// journalRef says which block a ciphertext is, and where it belongs.
type journalRef struct {
	volume   uint32
	extent   uint64
	block    int
	slot     uint64
	sequence uint64
}

func (s *Store) journalPath() string { return filepath.Join(s.dir, "journal") }

// openJournal opens or makes the journal; a store that was opened read-only only looks at it.
func (s *Store) openJournal(size int64) error {
	if size < 0 {
		size = 0
	} else if size == 0 {
		size = DefaultJournalBytes
	}
	if size > MaxJournalBytes {
		return fmt.Errorf("%w: a journal of %d bytes", ErrInvalid, size)
	}
	size = size / BlockSize * BlockSize
	info, err := s.fs.Stat(s.journalPath())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if s.readOnly || size == 0 {
			return nil
		}
		return s.createJournal(size)
	case err != nil:
		return fmt.Errorf("blockstore: journal: %w", err)
	}
	f, err := s.openFile(s.journalPath())
	if err != nil {
		return fmt.Errorf("blockstore: journal: %w", err)
	}
	s.journal = s.newJournal(f, min(info.Size(), MaxJournalBytes)/BlockSize*BlockSize)
	if size == 0 {
		s.journal.err = errNoJournal // what it holds counts, and no more is put in
	}
	return nil
}

var errNoJournal = errors.New("the journal is not used")

func (s *Store) newJournal(f zoneFile, size int64) *journal {
	return &journal{file: f, size: size, id: s.super.store, seams: &s.seams, land: s.land, unsynced: map[*zone]struct{}{}, buf: alignedBuffer(journalMaxEntry)}
}

// createJournal writes the whole file, so that its later writes change no metadata, and
// only then gives it its name.
func (s *Store) createJournal(size int64) error {
	unfinished := s.journalPath() + ".new"
	if err := s.fs.Remove(unfinished); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("blockstore: journal: %w", err)
	}
	f, err := s.createFile(unfinished, size)
	if err != nil {
		return fmt.Errorf("blockstore: journal: %w", err)
	}
	s.journal = s.newJournal(f, size)
	zeros := alignedBuffer(min(int(size), 1<<20))
	defer freeAligned(zeros)
	for off := int64(0); off < size; off += int64(len(zeros)) {
		if err := f.WriteVectors([][]byte{zeros[:min(size-off, int64(len(zeros)))]}, off); err != nil {
			return fmt.Errorf("blockstore: journal: %w", err)
		}
	}
	err = f.Sync()
	if err == nil {
		err = s.fs.Rename(unfinished, s.journalPath())
	}
	if err == nil {
		err = syncDir(s.fs, s.dir)
	}
	if err != nil {
		return fmt.Errorf("blockstore: journal: %w", err)
	}
	return nil
}

// settle makes what the journal stands for durable where it belongs.
func (j *journal) settle() error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.syncZones()
}

// bringHome writes the blocks of the entries to their slots, unsynced.
func (j *journal) bringHome() error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.land()
}

// ready says whether an entry can be written now.
func (j *journal) ready() bool {
	if j == nil || !j.mu.TryLock() {
		return false
	}
	defer j.mu.Unlock()
	return j.err == nil
}

// describe says what the journal is like, for people.
func (j *journal) describe() string {
	if j == nil {
		return "none"
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return fmt.Sprintf("not used: %v", j.err)
	}
	return fmt.Sprintf("%d of %d bytes", j.tail, j.size)
}

// writeSynced writes p and makes it durable.
func writeSynced(f zoneFile, p []byte, off int64) error {
	if w, ok := f.(interface {
		WriteSynced(p []byte, off int64) error
	}); ok {
		return w.WriteSynced(p, off)
	}
	return errors.Join(f.WriteVectors([][]byte{p}, off), f.Sync())
}

// syncZones makes the slots of the entries durable where they lie. It needs mu.
func (j *journal) syncZones() error {
	if !j.seams.without(ruleJournalLand) {
		if err := j.land(); err != nil {
			return err // the journal keeps their blocks, for the next open
		}
	}
	for z := range j.unsynced {
		if j.seams.without(ruleJournalSync) {
			break
		}
		if err := z.sync(); err != nil {
			return err // likewise
		}
		delete(j.unsynced, z)
	}
	return nil
}

func (j *journal) release() error {
	if j == nil {
		return nil
	}
	freeAligned(j.buf)
	return j.file.Close()
}

// commitJournaled makes a small round durable through the journal and applies it to the
// index. It returns false, and has done nothing that matters, where the round must be
// committed in the ordinary way. It needs roundMu.
func (d *Device) commitJournaled(set *dirtySet, w *roundWork) (bool, error) {
	s, j := d.store, d.store.journal
	if j == nil || w.batch.size() > journalMaxBatch-BlockSize {
		return false, nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := s.landing.failure(); err != nil && j.err == nil {
		j.err = err // its blocks are in the journal, and stay there
		s.metrics.journalFailures.Add(1)
	}
	if j.err != nil {
		return false, nil
	}
	refs, blocks, ok := d.journalBlocks(j)
	if !ok {
		return false, nil
	}
	size := entrySize(w.batch.size()+journalNumberSize, len(refs))
	if size > j.size {
		return false, nil
	}
	if j.tail+size > j.size {
		if err := j.rewind(s.index); err != nil {
			return false, d.fail(err)
		}
		if j.err != nil {
			return false, nil
		}
	}
	// Only an entry that is written takes a number: M journal must never fall.
	number := j.next
	j.next++
	w.batch.set(metaKey(metaJournal), binary.BigEndian.AppendUint64(nil, number))
	entry := j.encode(number, w.batch.repr(), refs)
	if err := writeSynced(j.file, entry, j.tail); err != nil {
		j.err = err // the entry may be durable or not; its number is committed with the round
		w.entry = number
		s.metrics.journalFailures.Add(1)
		return false, nil
	}
	s.landing.add(blocks)
	if err := set.failure(); err != nil {
		s.voidEntry(number)
		return false, d.fail(err)
	}
	if err := s.index.apply(w.batch); err != nil {
		return false, d.fail(err)
	}
	j.tail += int64(len(entry))
	for _, b := range blocks {
		j.unsynced[b.write.zone] = struct{}{}
	}
	s.metrics.journaled.Add(1)
	return true, nil
}

// voidEntry keeps an entry whose round has failed from being applied after a crash: its slots
// will have new owners. Where that fails the store has failed, and gives no slot away.
func (s *Store) voidEntry(number uint64) {
	b := s.index.newBatch()
	b.set(metaKey(metaJournal), binary.BigEndian.AppendUint64(nil, number))
	_ = s.index.commit(b)
}

// rewind starts the journal over once everything in it is durable elsewhere. It needs mu.
func (j *journal) rewind(ix *index) error {
	if err := j.syncZones(); err != nil {
		j.err = err // full for good; the zone's failure shows where it matters
		return nil
	}
	if err := ix.sync(); err != nil {
		return err
	}
	j.tail = 0
	return nil
}

// journalBlocks copies the frozen blocks to where they belong in the entry. It returns
// false if there are too many or some are no longer in memory.
func (d *Device) journalBlocks(j *journal) ([]journalRef, []*sealedBlock, bool) {
	var refs []journalRef
	var sealed []*sealedBlock
	blocks := j.buf[journalMaxHead:]
	for i := range d.shards {
		for extent, e := range d.shards[i].frozen { // immutable under roundMu
			for m := e.present; m != 0; m &= m - 1 {
				at := bits.TrailingZeros16(m)
				b, n := e.blocks[at], len(refs)
				if n == journalBlocks || !b.write.read(blocks[n*BlockSize:(n+1)*BlockSize], b.index) {
					return nil, nil, false
				}
				refs = append(refs, journalRef{d.number, extent, at, b.slot, b.sequence})
				sealed = append(sealed, b)
			}
		}
	}
	return refs, sealed, true
}

// entrySize is the length of an entry in the file, in bytes.
func entrySize(batch, refs int) int64 {
	head := journalHead + refs*journalRefSize + batch
	return int64((head+BlockSize-1)/BlockSize+refs) * BlockSize
}

// encode lays an entry out in front of the blocks and returns it whole.
func (j *journal) encode(number uint64, batch []byte, refs []journalRef) []byte {
	head := journalHead + len(refs)*journalRefSize + len(batch)
	padded := (head + BlockSize - 1) / BlockSize * BlockSize
	entry := j.buf[journalMaxHead-padded : journalMaxHead+len(refs)*BlockSize]
	clear(entry[head:padded])
	b := append(entry[:0], journalMagic...)
	b = append(b, j.id[:]...)
	b = binary.BigEndian.AppendUint64(b, number)
	b = binary.BigEndian.AppendUint32(b, uint32(len(batch)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(refs)))
	b = binary.BigEndian.AppendUint64(b, 0)
	for _, r := range refs {
		b = appendUint48(binary.BigEndian.AppendUint32(b, r.volume), r.extent)
		b = append(b, byte(r.block), byte(r.slot>>32))
		b = binary.BigEndian.AppendUint32(b, uint32(r.slot))
		b = binary.BigEndian.AppendUint64(b, r.sequence)
	}
	_ = append(b, batch...)
	binary.BigEndian.PutUint64(entry[journalHead-8:], xxhash.Sum64(entry))
	return entry
}

// decodeEntry decodes the entry at the start of b, or says that there is none.
func (j *journal) decodeEntry(b []byte) (journalEntry, bool) {
	var e journalEntry
	if len(b) < BlockSize || string(b[:8]) != journalMagic || [16]byte(b[8:24]) != [16]byte(j.id) {
		return e, false
	}
	e.number = binary.BigEndian.Uint64(b[24:])
	batch, refs := int(binary.BigEndian.Uint32(b[32:])), int(binary.BigEndian.Uint32(b[36:]))
	if batch > journalMaxBatch || refs > journalBlocks {
		return e, false
	}
	head := journalHead + refs*journalRefSize + batch
	padded := (head + BlockSize - 1) / BlockSize * BlockSize
	if e.size = int64(padded + refs*BlockSize); e.size > int64(len(b)) {
		return e, false
	}
	sum := binary.BigEndian.Uint64(b[journalHead-8:])
	h := xxhash.New()
	h.Write(b[:journalHead-8])
	h.Write(make([]byte, 8))
	h.Write(b[journalHead:e.size])
	if h.Sum64() != sum {
		return e, false
	}
	for p := b[journalHead:]; len(e.refs) < refs; p = p[journalRefSize:] {
		e.refs = append(e.refs, journalRef{binary.BigEndian.Uint32(p), uint48(p[4:]), int(p[10] & (ExtentBlocks - 1)),
			uint64(p[11])<<32 | uint64(binary.BigEndian.Uint32(p[12:])), binary.BigEndian.Uint64(p[16:])})
	}
	e.batch, e.data = b[head-batch:head], b[padded:e.size]
	return e, true
}
