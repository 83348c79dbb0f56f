package kms

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"coffer.example/aead"
	"coffer.example/internal/meta"
)

// Bounds of one commit of a rotation: below those of the store, whatever the names.
const (
	sweepRecords = 32
	sweepBytes   = 512 << 10
)

const nextRootAAD = "next-root-key"

// RotateRoot replaces the root key of a directory that nobody has open: every value is
// sealed and every material wrapped anew. A rotation that was interrupted is finished
// by the next RotateRoot; until then Open refuses. Tokens and markers that were handed
// out before are void afterwards.
//
// The sealing record holds the next root key, sealed under the present one, until
// every record is under the next: both can be opened at every moment.
func RotateRoot(o Options) error {
	return offline(o, func(rec *sealingRecord, root *aead.Secret, inner meta.Store) error {
		o := o.withDefaults()
		if rec.state == sealingInit {
			return fmt.Errorf("%w: %s", ErrNotInitialised, o.Dir)
		}
		next, err := nextRoot(o, rec, root)
		if err != nil {
			return err
		}
		defer next.Destroy()
		s := &sweep{inner: inner, rand: o.Rand}
		if err := s.keys(root, next); err != nil {
			return err
		}
		if err := s.run(context.Background()); err != nil {
			return err
		}
		return writeSealed(o, rec, o.Root, next)
	})
}

// nextRoot returns the root key that a rotation is to end with; at first it draws one
// and notes it in the sealing record.
func nextRoot(o Options, rec *sealingRecord, root *aead.Secret) (*aead.Secret, error) {
	key, err := aead.NewRecordKey(aead.DeriveSecret(root, aead.LabelToken))
	if err != nil {
		return nil, err
	}
	aad := append([]byte(nextRootAAD), rec.store[:]...)
	if rec.state == sealingRotating {
		b, err := key.Open(nil, rec.next, aad)
		if err != nil {
			return nil, fmt.Errorf("%w: the next root key does not open: %w", ErrDamaged, err)
		}
		return aead.NewSecret(b), nil
	}
	b := make([]byte, aead.KeySize)
	if _, err := io.ReadFull(o.Rand, b); err != nil {
		return nil, fmt.Errorf("kms: draw root key: %w", err)
	}
	next := aead.NewSecret(b)
	sealed, err := key.Seal(o.Rand, nil, next.Bytes(), aad)
	if err == nil {
		rotating := *rec
		rotating.state, rotating.next = sealingRotating, sealed
		err = writeSealing(o.Dir, &rotating)
	}
	if err != nil {
		next.Destroy()
		return nil, err
	}
	return next, nil
}

// sweep moves every record of a store from one root key to another.
type sweep struct {
	inner                    meta.Store
	rand                     io.Reader
	oldRecord, newRecord     *aead.RecordKey
	oldMaterial, newMaterial *aead.RecordKey
}

func (s *sweep) keys(from, to *aead.Secret) (err error) {
	for _, d := range []struct {
		root  *aead.Secret
		label string
		key   **aead.RecordKey
	}{
		{from, aead.LabelMetadata, &s.oldRecord}, {to, aead.LabelMetadata, &s.newRecord},
		{from, aead.LabelMaterial, &s.oldMaterial}, {to, aead.LabelMaterial, &s.newMaterial},
	} {
		if *d.key, err = aead.NewRecordKey(aead.DeriveSecret(d.root, d.label)); err != nil {
			return err
		}
	}
	return nil
}

// run moves the records in order of their names, some in each commit, and then has the
// old ones erased. A record that opens under the new key was moved before.
func (s *sweep) run(ctx context.Context) error {
	for after := ""; ; {
		put, size := map[string][]byte{}, 0
		last, err := "", error(nil)
		err = s.inner.Scan(ctx, "", after, 0, func(name string, value []byte, _ uint64) error {
			if len(put) == sweepRecords || size > sweepBytes {
				return errPageFull
			}
			last = name
			moved, err := s.move(ctx, name, bytes.Clone(value))
			if moved != nil {
				put[name], size = moved, size+len(moved)
			}
			return err
		})
		done := err == nil
		if err != nil && !errors.Is(err, errPageFull) {
			return err
		}
		if err := s.inner.Commit(ctx, nil, put); err != nil {
			return err
		}
		if done {
			return meta.Erase(ctx, s.inner, "")
		}
		after = last
	}
}

// move returns a value under the new keys, or nil if it is already.
func (s *sweep) move(ctx context.Context, name string, value []byte) ([]byte, error) {
	if _, err := s.newRecord.Open(nil, value, []byte(name)); err == nil {
		return nil, nil
	}
	plain, err := s.oldRecord.Open(nil, value, []byte(name))
	if err != nil {
		return nil, fmt.Errorf("%w: %q: %w", ErrDamaged, name, err)
	}
	if strings.HasPrefix(name, "kms/material/") {
		if plain, err = s.rewrapMaterial(ctx, name, plain); err != nil {
			return nil, err
		}
	}
	return s.newRecord.Seal(s.rand, nil, plain, []byte(name))
}

// rewrapMaterial moves the material in a record. Its key's record may have been moved
// already; if it is gone, the material is about to be erased.
func (s *sweep) rewrapMaterial(ctx context.Context, name string, plain []byte) ([]byte, error) {
	var m materialRecord
	if err := decodeRecord(plain, &m); err != nil {
		return nil, err
	}
	keyName := nameKey(strings.Split(name, "/")[2])
	value, _, err := s.inner.Get(ctx, keyName)
	if missing(err) || len(m.Sealed) == 0 {
		return plain, nil
	}
	if err != nil {
		return nil, err
	}
	b, err := s.newRecord.Open(nil, value, []byte(keyName))
	if err != nil {
		b, err = s.oldRecord.Open(nil, value, []byte(keyName))
	}
	var rec keyRecord
	if err == nil {
		err = decodeRecord(b, &rec)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %q: %w", ErrDamaged, keyName, err)
	}
	aad, err := materialAAD(&rec, m.ID)
	if err != nil {
		return nil, err
	}
	material, err := s.oldMaterial.Open(nil, m.Sealed, aad)
	if err != nil {
		return nil, fmt.Errorf("%w: %q: %w", ErrDamaged, name, err)
	}
	defer clear(material)
	if m.Sealed, err = s.newMaterial.Seal(s.rand, nil, material, aad); err != nil {
		return nil, err
	}
	return encodeRecord(&m)
}
