package blockstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"coffer.example/aead"
	"coffer.example/internal/binfmt"
)

const (
	superMagic   = "COFFERST"
	superVersion = 1
	superSize    = 4096
)

// superblock is the content of SUPER.A and SUPER.B, written alternately: the higher
// valid write count wins, so a torn write leaves the other one.
type superblock struct {
	store      aead.ID
	writeCount uint64
	zoneSlots  uint64
	storeKey   []byte // wrapped store key
	body       []byte // the bytes under the MAC, as read
	mac        [aead.TagSize]byte
}

func (s *superblock) encode(key *aead.MACKey) ([]byte, error) {
	w := binfmt.NewWriter(superSize - aead.TagSize)
	w.Raw([]byte(superMagic))
	w.U16(superVersion)
	w.Raw(s.store[:])
	w.U64(s.writeCount)
	w.U64(s.zoneSlots)
	w.Bytes16(s.storeKey)
	w.Raw(make([]byte, superSize-aead.TagSize-w.Len()))
	body, err := w.Finish()
	if err != nil {
		return nil, err
	}
	tag := key.Tag(body)
	return append(body, tag[:]...), nil
}

func decodeSuper(b []byte) (*superblock, error) {
	if len(b) != superSize || string(b[:8]) != superMagic {
		return nil, errNoSuper
	}
	if v := binary.BigEndian.Uint16(b[8:]); v != superVersion {
		return nil, fmt.Errorf("%w: format version %d, this program knows %d", ErrFormat, v, superVersion)
	}
	s := &superblock{body: b[:superSize-aead.TagSize]}
	copy(s.mac[:], b[superSize-aead.TagSize:])
	r := binfmt.NewReader(s.body[10:])
	copy(s.store[:], r.Raw(16))
	s.writeCount, s.zoneSlots = r.U64(), r.U64()
	s.storeKey = bytes.Clone(r.Bytes16(aead.MaxWrappedSize))
	if pad := r.Rest(); bytes.Count(pad, []byte{0}) != len(pad) {
		r.Fail(binfmt.ErrTrailing)
	}
	if err := r.Finish(); err != nil {
		return nil, fmt.Errorf("%w: superblock: %w", ErrFormat, err)
	}
	if s.zoneSlots == 0 || s.zoneSlots%64 != 0 || s.zoneSlots > DefaultZoneSlots {
		return nil, fmt.Errorf("%w: superblock: zone of %d slots", ErrFormat, s.zoneSlots)
	}
	return s, nil
}

func superPath(dir string, writeCount uint64) string {
	return filepath.Join(dir, "SUPER."+string("AB"[writeCount%2]))
}

// errNoSuper says that a file of this name is not even the beginning of a superblock.
var errNoSuper = fmt.Errorf("%w: no superblock", ErrFormat)

// readSuper returns the superblocks that decode, newest first, or fs.ErrNotExist if
// neither file exists. The caller authenticates: a forged write count must not win.
func readSuper(fsys FS, dir string) ([]*superblock, error) {
	var found []*superblock
	var errs []error
	for i := range uint64(2) {
		b, err := readFile(fsys, superPath(dir, i), superSize)
		if err == nil {
			var s *superblock
			if s, err = decodeSuper(b); err == nil {
				found = append(found, s)
				continue
			}
		}
		errs = append(errs, err)
	}
	if len(found) == 2 && found[0].writeCount < found[1].writeCount {
		found[0], found[1] = found[1], found[0]
	}
	if len(found) > 0 {
		return found, nil
	}
	for _, err := range errs {
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return nil, errs[0]
}

// writeSuper writes the superblock with the next write count to the older file.
func (s *Store) writeSuper() error {
	s.super.writeCount++
	b, err := s.super.encode(s.superKey)
	if err != nil {
		return err
	}
	if err := writeFileSync(s.fs, superPath(s.dir, s.super.writeCount), b); err != nil {
		return fmt.Errorf("blockstore: write superblock: %w", err)
	}
	return syncDir(s.fs, s.dir)
}
