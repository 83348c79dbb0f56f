package blockstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"path/filepath"
	"slices"
)

// Backup is a copy of a running store in the making: the index as it was at one moment,
// and every slot that it names. Until Close, no slot that was in use at that moment is
// used again, so space that is given up meanwhile comes back only then.
type Backup struct {
	s       *Store
	scratch string     // the index's checkpoint
	zones   []zoneCopy // of the moment
	closed  bool
}

// zoneCopy is a zone with the slots of it that were in use.
type zoneCopy struct {
	z    *zone
	used []uint64 // bitmap
}

// BeginBackup takes the moment. scratch, which must not exist, becomes a checkpoint of the index by
// hard links, so it must be on the store's file system; the caller removes it after Close.
//
// An anchor that was saved before the call is never newer than the copy.
func (s *Store) BeginBackup(scratch string) (*Backup, error) {
	if err := s.index.failure(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	if s.closed || s.readOnly {
		s.mu.Unlock()
		return nil, fmt.Errorf("%w: not an open store", ErrReadOnly)
	}
	s.background.Add(1) // Close waits for the backup, which notices it between two reads
	s.mu.Unlock()
	b := &Backup{s: s, scratch: scratch}
	s.held.hold() // first: what the checkpoint names must not be reused
	if err := s.index.checkpoint(scratch); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	if err := s.journal.bringHome(); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	s.zonesMu.RLock()
	zones := slices.Clone(s.zones)
	s.zonesMu.RUnlock()
	for _, z := range zones {
		b.zones = append(b.zones, zoneCopy{z, s.alloc.usedOf(z.number)})
	}
	return b, nil
}

// usedOf returns the bitmap of a zone's slots.
func (a *allocator) usedOf(zone int) []uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	words := int(a.zoneSlots / 64)
	return slices.Clone(a.used[zone*words : (zone+1)*words])
}

// Close ends the backup and frees the slots that were kept for it.
func (b *Backup) Close() error {
	if !b.closed {
		b.closed = true
		b.s.held.letGo(b.s.alloc.release)
		b.s.background.Done()
	}
	return nil
}

// Copy writes the copy to dir, which is the directory of a store that nobody has opened.
// It is durable when Copy returns.
func (b *Backup) Copy(ctx context.Context, dir string, progress func(done, total int64)) error {
	s := b.s
	for _, d := range []string{dir, filepath.Join(dir, "data"), filepath.Join(dir, "index")} {
		if err := makeDir(s.fs, d); err != nil {
			return fmt.Errorf("blockstore: backup: %w", err)
		}
	}
	shown := &copyProgress{fn: progress, total: b.bytes()}
	for _, z := range b.zones {
		if err := b.copyZone(ctx, zoneName(dir, z.z.number), z, shown); err != nil {
			return fmt.Errorf("blockstore: backup of zone %d: %w", z.z.number, err)
		}
	}
	names, err := s.fs.List(b.scratch)
	if err != nil {
		return fmt.Errorf("blockstore: backup: %w", err)
	}
	for _, name := range names {
		err := errors.Join(b.going(ctx), copyFile(s.fs, filepath.Join(b.scratch, name), filepath.Join(dir, "index", name)))
		if err != nil {
			return fmt.Errorf("blockstore: backup: %w", err)
		}
	}
	for _, d := range []string{"data", "index"} {
		if err := syncDir(s.fs, filepath.Join(dir, d)); err != nil {
			return fmt.Errorf("blockstore: backup: %w", err)
		}
	}
	return b.copySupers(dir)
}

// copySupers makes the copy a store. Superblocks change only when a store is opened.
func (b *Backup) copySupers(dir string) error {
	for i := range uint64(2) {
		err := copyFile(b.s.fs, superPath(b.s.dir, i), superPath(dir, i))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("blockstore: backup: %w", err)
		}
	}
	return syncDir(b.s.fs, dir)
}

// going says why the backup cannot go on, or nil.
func (b *Backup) going(ctx context.Context) error {
	select {
	case <-b.s.stop:
		return fmt.Errorf("%w: the store closes", ErrDetached)
	default:
		return ctx.Err()
	}
}

// bytes is what there is to copy from the zones.
func (b *Backup) bytes() (n int64) {
	for _, z := range b.zones {
		for _, w := range z.used {
			n += int64(bits.OnesCount64(w)) * BlockSize
		}
	}
	return n
}

// backupRun is the longest read of a backup, in slots.
const backupRun = 256

// copyZone copies the slots in use to a new zone file; the rest of it is a hole.
func (b *Backup) copyZone(ctx context.Context, path string, z zoneCopy, shown *copyProgress) (err error) {
	f, err := openZoneFS(b.s.fs, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	buf := alignedBuffer(backupRun * BlockSize)
	defer freeAligned(buf)
	slots := len(z.used) * 64
	inUse := func(slot int) bool { return slot < slots && z.used[slot/64]>>(slot%64)&1 == 1 }
	for slot := 0; slot < slots; {
		if !inUse(slot) {
			slot++
			continue
		}
		n := 1
		for n < backupRun && inUse(slot+n) {
			n++
		}
		if err := b.going(ctx); err != nil {
			return err
		}
		at := int64(slot) * BlockSize
		if _, err := z.z.file.ReadAt(buf[:n*BlockSize], at); err != nil {
			return err
		}
		if _, err := f.WriteAt(buf[:n*BlockSize], at); err != nil {
			return err
		}
		shown.add(int64(n) * BlockSize)
		slot += n
	}
	if !inUse(slots - 1) { // the file has the size of a zone
		if _, err := f.WriteAt(make([]byte, BlockSize), int64(slots-1)*BlockSize); err != nil {
			return err
		}
	}
	return f.Sync()
}

// copyProgress tells how far a copy is.
type copyProgress struct {
	fn          func(done, total int64)
	done, total int64
}

func (p *copyProgress) add(n int64) {
	if p.done += n; p.fn != nil {
		p.fn(p.done, p.total)
	}
}
