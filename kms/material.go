package kms

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"coffer.example/aead"
	"coffer.example/internal/binfmt"
)

// materialAAD binds wrapped material to its place: account, Region, key and material id.
func materialAAD(rec *keyRecord, material string) ([]byte, error) {
	w := binfmt.NewWriter(512)
	w.String16(rec.Account)
	w.String16(rec.Region)
	w.String16(rec.ID)
	w.String16(material)
	return w.Finish()
}

// stageMaterial draws material, wraps it and makes it the key's current one. how is
// the type of the rotation, empty for the first material.
func (k *KMS) stageMaterial(t *txn, rec *keyRecord, how string) error {
	b := make([]byte, materialSize(rec.Spec))
	if _, err := io.ReadFull(k.o.Rand, b); err != nil {
		return fmt.Errorf("kms: draw key material: %w", err)
	}
	secret := aead.NewSecret(b)
	defer secret.Destroy()
	id, err := newHexID(k.o.Rand)
	if err != nil {
		return err
	}
	m := &materialRecord{ID: id, Number: rec.Materials + 1, Created: k.now(), Type: how}
	if how != "" {
		m.Rotated = m.Created
	}
	if m.Sealed, err = k.sealMaterial(rec, id, secret); err != nil {
		return err
	}
	rec.Material, rec.Materials = id, m.Number
	t.set(prefixMaterial(rec.ID)+id, m)
	return nil
}

func (k *KMS) sealMaterial(rec *keyRecord, id string, secret *aead.Secret) ([]byte, error) {
	aad, err := materialAAD(rec, id)
	if err != nil {
		return nil, err
	}
	return k.materialKey.Seal(k.o.Rand, nil, secret.Bytes(), aad)
}

// openMaterial returns a key's material; the caller destroys it.
func (k *KMS) openMaterial(rec *keyRecord, m *materialRecord) (*aead.Secret, error) {
	aad, err := materialAAD(rec, m.ID)
	if err != nil {
		return nil, err
	}
	b, err := k.materialKey.Open(nil, m.Sealed, aad)
	if err != nil {
		return nil, fmt.Errorf("%w: material of key %s: %w", ErrDamaged, rec.ID, err)
	}
	return aead.NewSecret(b), nil
}

// material reads a material record.
func (k *KMS) material(ctx context.Context, keyID, id string) (*materialRecord, error) {
	var m materialRecord
	if _, err := k.get(ctx, prefixMaterial(keyID)+id, &m); err != nil {
		return nil, err
	}
	return &m, nil
}

// secret returns the current material of a key; the caller destroys it.
func (k *KMS) secret(ctx context.Context, e *keyEntry) (*aead.Secret, error) {
	m, err := k.material(ctx, e.ID, e.Material)
	if err != nil {
		return nil, err
	}
	return k.openMaterial(&e.keyRecord, m)
}

// wrapHeader names a key and one of its materials in wrapped keys.
func wrapHeader(keyID, material string) (h aead.WrapHeader, err error) {
	id, ok := parseUUID(keyID)
	mat, ok2 := parseHexID(material)
	if !ok || !ok2 {
		return h, fmt.Errorf("%w: ids of key %q", ErrDamaged, keyID)
	}
	return aead.WrapHeader{KeyID: id, MaterialID: mat}, nil
}

// materialName is the id of the material in a header as text; mostly it is the current one.
func (e *keyEntry) materialName(h aead.WrapHeader) string {
	var name [2 * len(h.MaterialID)]byte
	hex.Encode(name[:], h.MaterialID[:])
	if string(name[:]) == e.Material {
		return e.Material
	}
	return string(name[:])
}

// wrappingKey returns the wrapping key of a material. It answers errNoMaterial if the
// key has no such material (any more).
func (k *KMS) wrappingKey(ctx context.Context, e *keyEntry, h aead.WrapHeader) (*aead.WrappingKey, error) {
	return k.wrapping.get(h, func() (*aead.WrappingKey, int, error) {
		m, err := k.material(ctx, e.ID, hex.EncodeToString(h.MaterialID[:]))
		if missing(err) {
			return nil, 0, errNoMaterial
		}
		if err != nil {
			return nil, 0, err
		}
		if len(m.Sealed) == 0 {
			return nil, 0, errMaterialNotImported
		}
		secret, err := k.openMaterial(&e.keyRecord, m)
		if err != nil {
			return nil, 0, err
		}
		defer secret.Destroy()
		w, err := aead.NewWrappingKey(h, secret)
		return w, 1, err
	})
}

// wrap wraps plaintext under a key's current material.
func (k *KMS) wrap(ctx context.Context, e *keyEntry, plaintext, canonical []byte) ([]byte, error) {
	h, err := wrapHeader(e.ID, e.Material)
	if err != nil {
		return nil, err
	}
	w, err := k.wrappingKey(ctx, e, h)
	if err != nil {
		return nil, err
	}
	return w.Wrap(k.o.Rand, plaintext, canonical)
}

// unwrap opens a wrapped key; the caller clears what it does not answer. What an
// attacker can cause is ErrInvalidCiphertext, without a message.
func (k *KMS) unwrap(ctx context.Context, e *keyEntry, h aead.WrapHeader, wrapped, canonical []byte) ([]byte, error) {
	w, err := k.wrappingKey(ctx, e, h)
	if err != nil {
		return nil, err
	}
	b, err := w.UnwrapBytes(wrapped, canonical)
	if errors.Is(err, aead.ErrOpen) || errors.Is(err, aead.ErrFormat) {
		return nil, errInvalidCiphertext
	}
	return b, err
}

var (
	errInvalidCiphertext = &Error{Kind: ErrInvalidCiphertext}
	// errNoMaterial: the blob names material that the key never had.
	errNoMaterial = errInvalidCiphertext
	// errMaterialNotImported: the material was imported, and has expired or was deleted.
	errMaterialNotImported = &Error{Kind: ErrInvalidState, Message: "The key material of this ciphertext is pending import."}
)
