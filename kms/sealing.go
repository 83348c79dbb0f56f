package kms

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"coffer.example/aead"
	"coffer.example/internal/binfmt"
)

// The sealing record is the file root.sealed of the data directory, format version 1:
//
//	offset size  field
//	0      4     magic "CFRS"
//	4      1     format version, 1
//	5      1     state: 0 Init has not finished, 1 ready, 2 the root key is being replaced
//	6      16    store id
//	22     2+n   kind of Root
//	       2+n   root key, sealed by the Root
//	       2+n   in state 2 the next root key, sealed under the root key; else empty
//	       32    SHA-256 of everything before: it shows damage; authenticity comes from the seal
const (
	sealingFile    = "root.sealed"
	sealingMagic   = "CFRS"
	sealingVersion = 1
	maxSealingSize = 4 + 1 + 1 + 16 + 3*2 + maxKindSize + 2*MaxSealedRoot + sha256.Size
	maxKindSize    = 32
)

type sealingState uint8

const (
	sealingInit sealingState = iota
	sealingReady
	sealingRotating
)

type sealingRecord struct {
	state sealingState
	store aead.ID
	kind  string
	root  []byte
	next  []byte
}

func (s *sealingRecord) encode() ([]byte, error) {
	w := binfmt.NewWriter(maxSealingSize - sha256.Size)
	w.Raw([]byte(sealingMagic))
	w.U8(sealingVersion)
	w.U8(uint8(s.state))
	w.Raw(s.store[:])
	w.String16(s.kind)
	w.Bytes16(s.root)
	w.Bytes16(s.next)
	b, err := w.Finish()
	if err != nil {
		return nil, fmt.Errorf("kms: sealing record: %w", err)
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:]...), nil
}

func decodeSealing(b []byte) (*sealingRecord, error) {
	if len(b) < 5+sha256.Size || string(b[:4]) != sealingMagic {
		return nil, fmt.Errorf("%w: %s is no sealing record", ErrDamaged, sealingFile)
	}
	if b[4] != sealingVersion {
		return nil, fmt.Errorf("%w: %s has version %d", ErrFormat, sealingFile, b[4])
	}
	body, tail := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if sum := sha256.Sum256(body); subtle.ConstantTimeCompare(sum[:], tail) != 1 {
		return nil, fmt.Errorf("%w: %s", ErrDamaged, sealingFile)
	}
	r := binfmt.NewReader(body[5:])
	s := &sealingRecord{state: sealingState(r.U8())}
	copy(s.store[:], r.Raw(len(s.store)))
	s.kind = r.String16(maxKindSize)
	s.root = r.Bytes16(MaxSealedRoot)
	s.next = r.Bytes16(MaxSealedRoot)
	if s.state > sealingRotating || (len(s.next) > 0) != (s.state == sealingRotating) {
		r.Fail(binfmt.ErrValue)
	}
	if err := r.Finish(); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrDamaged, sealingFile, err)
	}
	return s, nil
}

func readSealing(dir string) (*sealingRecord, error) {
	f, err := os.Open(filepath.Join(dir, sealingFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrNotInitialised, dir)
	}
	if err != nil {
		return nil, fmt.Errorf("kms: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSealingSize+1))
	if err != nil {
		return nil, fmt.Errorf("kms: %w", err)
	}
	return decodeSealing(b)
}

// writeSealing replaces the record atomically and durably.
func writeSealing(dir string, s *sealingRecord) error {
	b, err := s.encode()
	if err != nil {
		return err
	}
	tmp := filepath.Join(dir, sealingFile+".new")
	if err := writeFileDurably(tmp, b, os.O_TRUNC); err != nil {
		return fmt.Errorf("kms: %w", err)
	}
	if err := os.Rename(tmp, filepath.Join(dir, sealingFile)); err != nil {
		return fmt.Errorf("kms: %w", err)
	}
	return syncDir(dir)
}

// writeFileDurably writes and syncs a file of mode 0600 and syncs its directory.
func writeFileDurably(path string, b []byte, flag int) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|flag, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
