package blockstore

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// replayJournal applies the entries that the index has lost in a crash, in order, and
// returns those whose blocks may not have reached their slots. After a clean close
// there is nothing to do.
func (s *Store) replayJournal() ([]journalEntry, error) {
	if s.journal == nil {
		return nil, nil
	}
	applied, err := s.appliedEntries()
	if err != nil {
		return nil, err
	}
	s.journal.next = applied + 1
	if _, err := s.index.get(metaKey(metaClean)); err == nil {
		return nil, nil
	} else if !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	entries, err := s.journal.load()
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.number <= applied {
			continue
		}
		if s.readOnly {
			return nil, fmt.Errorf("%w: it was not closed cleanly and has writes in its journal; open it once for writing", ErrUnclean)
		}
		b, err := s.index.batchOf(e.batch)
		if err == nil {
			err = s.index.apply(b)
		}
		if err != nil {
			return nil, fmt.Errorf("blockstore: journal entry %d: %w", e.number, err)
		}
		s.journal.next = e.number + 1
	}
	if s.readOnly {
		return nil, s.adopt(entries)
	}
	return entries, nil
}

// appliedEntries is the number of the last entry that the index has.
func (s *Store) appliedEntries() (uint64, error) {
	v, err := s.index.get(metaKey(metaJournal))
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	if err == nil && len(v) != 8 {
		err = corrupt(KindIndex, "", "journal number of %d bytes", len(v))
	}
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint64(v), nil
}

// load reads the entries from the start of the file as long as their numbers rise: behind
// the last lie older ones, of before the journal started over.
func (j *journal) load() ([]journalEntry, error) {
	buf := alignedBuffer(int(j.size))
	defer freeAligned(buf)
	if _, err := j.file.ReadAt(buf, 0); err != nil {
		return nil, fmt.Errorf("blockstore: journal: %w", err)
	}
	b := append([]byte(nil), buf...)
	var entries []journalEntry
	for {
		e, ok := j.decodeEntry(b)
		if !ok || len(entries) > 0 && e.number <= entries[len(entries)-1].number {
			return entries, nil
		}
		entries = append(entries, e)
		b = b[e.size:]
	}
}

// adopt has readers find the blocks of entries, whose slots may not have been written.
func (s *Store) adopt(entries []journalEntry) error {
	for _, e := range entries {
		for i, r := range e.refs {
			if expected, err := s.expects(r); err != nil {
				return err
			} else if expected {
				s.landing.adopt(r.slot, e.data[i*BlockSize:(i+1)*BlockSize])
			}
		}
	}
	return nil
}

// rewriteSlots writes the blocks of entries to the slots where the index still expects
// them, and makes everything durable where it belongs, so that the journal starts over.
func (s *Store) rewriteSlots(entries []journalEntry) error {
	if len(entries) == 0 {
		return nil
	}
	buf := alignedBuffer(BlockSize)
	defer freeAligned(buf)
	for _, e := range entries {
		for i, r := range e.refs {
			expected, err := s.expects(r)
			if err != nil {
				return err
			}
			z := s.zone(r.slot)
			if s.seams.without(ruleJournalExpected) {
				expected = true
			}
			if !expected || z == nil || s.seams.without(ruleJournalRewrite) {
				continue
			}
			copy(buf, e.data[i*BlockSize:(i+1)*BlockSize])
			if err := z.file.WriteVectors([][]byte{buf}, s.slotOffset(r.slot)); err != nil {
				return fmt.Errorf("blockstore: journal entry %d: %w", e.number, err)
			}
			s.journal.unsynced[z] = struct{}{}
		}
	}
	return s.journal.rewind(s.index)
}

// expects says whether a record of the extent has the block in that slot at that
// sequence. The slot of any other may have a new owner.
func (s *Store) expects(r journalRef) (bool, error) {
	found := false
	from := appendExtentKey(nil, r.volume, r.extent, ^uint32(0))
	err := s.index.scan(from, rangeEnd(from[:extentKeySplit]), func(_, v []byte) (bool, error) {
		var rec extentRecord
		if _, err := decodeExtent(v, &rec); err != nil {
			return true, nil // the scan that follows reports it
		}
		found = rec.has(r.block) && rec.slots[r.block] == r.slot && rec.sequences[r.block] == r.sequence
		return !found, nil
	})
	return found, err
}
