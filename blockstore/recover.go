package blockstore

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// recover loads the catalogue of the index, opens the zones and restores the
// allocator: from its checkpoint after a clean close, else by a scan that checks for
// double references on the way.
func (s *Store) recover() error {
	if err := s.loadNumbers(); err != nil {
		return corrupt(KindIndex, "", "numbers: %v", err)
	}
	if err := s.loadSequence(); err != nil {
		return err
	}
	if err := s.loadVolumes(); err != nil {
		return err
	}
	if err := s.loadSnapshots(); err != nil {
		return err
	}
	for _, v := range s.volumes {
		if v.header.parent == 0 {
			continue
		}
		p := s.volumes[v.header.parent]
		if p == nil {
			return corrupt(KindVolumeHeader, v.id, "parent volume %d is missing", v.header.parent)
		}
		p.pins[v.header.parentGen]++
	}
	if err := s.openZones(); err != nil {
		return err
	}
	return s.restoreAllocator()
}

// loadSequence resumes above the reserved high-water, hence above every sequence of an earlier life.
func (s *Store) loadSequence() error {
	v, err := s.index.get(metaKey(metaSequence))
	if err == nil && len(v) != 8 {
		return corrupt(KindIndex, "", "sequence of %d bytes", len(v))
	}
	if err == nil {
		s.sequence.Store(binary.BigEndian.Uint64(v))
		s.reserved.Store(binary.BigEndian.Uint64(v))
		return nil
	}
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

func (s *Store) loadVolumes() error {
	return s.index.scan(numberKey(prefixVolume, 0), rangeEnd([]byte{prefixVolume}), func(k, val []byte) (bool, error) {
		if len(k) != 5 {
			return false, corrupt(KindVolumeHeader, "", "key %x", k)
		}
		number := binary.BigEndian.Uint32(k[1:])
		h, err := decodeVolumeHeader(number, slices.Clone(val))
		if err != nil {
			return false, corrupt(KindVolumeHeader, "", "volume %d: %v", number, err)
		}
		v := newVolume(h)
		s.volumes[number] = v
		if h.state == volumeLive {
			if s.byID[h.id] != nil {
				return false, corrupt(KindVolumeHeader, h.id, "two volumes of this id")
			}
			s.byID[h.id] = v
		}
		return true, nil
	})
}

func (s *Store) loadSnapshots() error {
	return s.index.scan([]byte{prefixSnapshot}, rangeEnd([]byte{prefixSnapshot}), func(k, val []byte) (bool, error) {
		if len(k) != 9 {
			return false, corrupt(KindSnapshotHeader, "", "key %x", k)
		}
		number, gen := binary.BigEndian.Uint32(k[1:]), binary.BigEndian.Uint32(k[5:])
		sn, err := decodeSnapshotHeader(number, gen, slices.Clone(val))
		if err != nil {
			return false, corrupt(KindSnapshotHeader, "", "snapshot %d/%d: %v", number, gen, err)
		}
		v := s.volumes[number]
		if v == nil {
			return false, corrupt(KindSnapshotHeader, sn.id, "its volume %d is missing", number)
		}
		v.snapshots = append(v.snapshots, sn)
		if sn.state == snapshotLive {
			if s.snapshots[sn.id] != nil {
				return false, corrupt(KindSnapshotHeader, sn.id, "two snapshots of this id")
			}
			s.snapshots[sn.id] = sn
		}
		if s.sequence.Load() < sn.sequence { // the birth order must go on above it
			s.sequence.Store(sn.sequence)
		}
		return true, nil
	})
}

// openZones opens the zone files, which must be numbered without a gap.
func (s *Store) openZones() error {
	names, err := s.fs.List(filepath.Join(s.dir, "data"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("blockstore: %w", err)
	}
	count := 0
	for _, n := range names {
		if strings.HasSuffix(n, ".dat") {
			count++
		}
	}
	size := int64(s.super.zoneSlots) * BlockSize
	for i := range count {
		z, err := s.openZone(i, size)
		if err != nil && i == count-1 && !s.readOnly && errors.Is(err, ErrCorrupt) && s.fs.Remove(zoneName(s.dir, i)) == nil {
			// A crash while the newest zone was made: nothing can be in it. If something
			// refers to it after all, the scan says so.
			break
		}
		if err != nil {
			return err
		}
		s.zones = append(s.zones, z)
		s.alloc.addZone()
	}
	return s.adoptZones()
}

// adoptZones makes the zones durable before anything new is put into them: the newest
// may be left from a creation that failed before its file or its name was synced.
func (s *Store) adoptZones() error {
	if s.readOnly || len(s.zones) == 0 {
		return nil
	}
	if err := s.zones[len(s.zones)-1].file.Sync(); err != nil {
		return fmt.Errorf("blockstore: %w", err)
	}
	if err := syncDir(s.fs, filepath.Join(s.dir, "data")); err != nil {
		return fmt.Errorf("blockstore: %w", err)
	}
	return nil
}

// restoreAllocator loads the checkpoint of a clean close, or scans.
func (s *Store) restoreAllocator() error {
	ok, err := s.loadCheckpoint()
	if err != nil {
		return err
	}
	if !ok {
		s.metrics.allocatorScans.Add(1)
		if err := s.rebuild(s.alloc); err != nil {
			return err
		}
	}
	if s.writable() != nil {
		return nil
	}
	b := s.index.newBatch()
	b.delete(metaKey(metaClean))
	return s.index.commit(b)
}

// checkpointPath is the allocator's bitmap at a clean close: store id, write count,
// sequence, words; its SHA-256 lies in the index under M, so an older file never matches.
func (s *Store) checkpointPath() string { return filepath.Join(s.dir, "bitmap") }

func (s *Store) checkpointBytes() []byte {
	b := append([]byte("COFFERBM"), s.super.store[:]...)
	b = binary.BigEndian.AppendUint64(b, s.super.writeCount)
	b = binary.BigEndian.AppendUint64(b, s.sequence.Load())
	for _, w := range s.alloc.used {
		b = binary.BigEndian.AppendUint64(b, w)
	}
	return b
}

// checkpoint writes the bitmap and marks the close as clean. Nothing else runs any more.
func (s *Store) checkpoint() error {
	s.epochs.barrier() // slots in limbo become free
	s.epochs.barrier()
	data := s.checkpointBytes()
	sum := sha256.Sum256(data) // before the write, which may use the buffer up
	if err := writeFileSync(s.fs, s.checkpointPath(), data); err != nil {
		return fmt.Errorf("blockstore: checkpoint: %w", err)
	}
	if err := syncDir(s.fs, s.dir); err != nil {
		return fmt.Errorf("blockstore: checkpoint: %w", err)
	}
	b := s.index.newBatch()
	b.set(metaKey(metaClean), sum[:])
	b.set(metaKey(metaSequence), binary.BigEndian.AppendUint64(nil, s.sequence.Load()))
	return s.index.commit(b)
}

// loadCheckpoint returns false if there is none that matches the index.
func (s *Store) loadCheckpoint() (bool, error) {
	sum, err := s.index.get(metaKey(metaClean))
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	limit := int64(8+16+16) + int64(len(s.alloc.used))*8
	data, err := readFile(s.fs, s.checkpointPath(), limit)
	if err != nil || int64(len(data)) != limit {
		return false, nil
	}
	if have := sha256.Sum256(data); !bytes.Equal(have[:], sum) || !bytes.Equal(data[8:24], s.super.store[:]) ||
		binary.BigEndian.Uint64(data[24:]) != s.super.writeCount {
		return false, nil
	}
	words := data[40:]
	for i := range s.alloc.used {
		s.alloc.used[i] = binary.BigEndian.Uint64(words[i*8:])
	}
	s.alloc.recount()
	return true, nil
}

// resume goes on with what an earlier life had begun.
func (s *Store) resume() error {
	if err := s.dropOrphans(); err != nil {
		return err
	}
	s.checkSpace()
	s.background.Go(s.watchSpace)
	if s.scrub.o.BytesPerSecond > 0 {
		s.background.Go(s.scrub.run)
	}
	s.mu.RLock()
	var numbers []uint32
	for n := range s.volumes {
		numbers = append(numbers, n)
	}
	s.mu.RUnlock()
	for _, n := range numbers {
		s.sweepLater(s.volumes[n])
		s.walkLater(n, s.keys)
	}
	return nil
}

// dropOrphans deletes sessions of volumes that are gone, and the records of a clone
// whose flattening never ended: they own no slot.
func (s *Store) dropOrphans() error {
	b := s.index.newBatch()
	err := s.index.scan([]byte{prefixSession}, rangeEnd([]byte{prefixSession}), func(k, val []byte) (bool, error) {
		rec, err := decodeSession(val)
		if err != nil || len(k) != 5 {
			return true, nil // a block that needs it will say so
		}
		if s.volumes[rec.volume] == nil {
			b.delete(slices.Clone(k))
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	for next := []byte{prefixExtent}; next != nil; {
		volume := uint32(0)
		found := false
		err := s.index.scan(next, rangeEnd([]byte{prefixExtent}), func(k, _ []byte) (bool, error) {
			volume, _, _ = parseExtentKey(k)
			found = true
			return false, nil
		})
		if err != nil {
			return err
		}
		if !found {
			break
		}
		from := numberKey(prefixExtent, volume)
		next = rangeEnd(from)
		if s.volumes[volume] == nil {
			b.deleteRange(from, next)
		}
	}
	if b.empty() {
		return nil
	}
	return s.index.commit(b)
}

// damage notes a corruption found while opening: the store goes on read-only, so that
// what is intact can be saved and nothing is made worse.
func (s *Store) damage(err error) (bool, error) {
	if !errors.Is(err, ErrCorrupt) {
		return false, err
	}
	s.damaged.Store(true)
	s.damageMu.Lock()
	defer s.damageMu.Unlock()
	if len(s.damages) < maxDamages {
		s.damages = append(s.damages, err)
	}
	return true, nil
}

// maxDamages bounds the corruptions remembered from an open.
const maxDamages = 64

// Damage returns the corruptions that made the store read-only when it was opened.
func (s *Store) Damage() []error {
	s.damageMu.Lock()
	defer s.damageMu.Unlock()
	return slices.Clone(s.damages)
}
