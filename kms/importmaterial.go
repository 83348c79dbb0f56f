package kms

import (
	"bytes"
	"context"
	"crypto/sha256"
	"time"

	"coffer.example/aead"
)

// importMaterial puts secret where it belongs among the key's material.
func (cl *call) importMaterial(ctx context.Context, e *keyEntry, in *ImportKeyMaterialInput, secret *aead.Secret) (id string, err error) {
	if secret.Len() != materialSize(e.Spec) {
		return "", refuse(ErrIncorrectKeyMaterial, "The key material has %d bytes; key spec %s needs %d.", secret.Len(), e.Spec, materialSize(e.Spec))
	}
	digest := materialDigest(e.ID, secret)
	err = cl.change(ctx, e, func(rec *keyRecord, t *txn) error {
		all, err := cl.k.materials(ctx, e.ID)
		if err != nil {
			return err
		}
		m, fresh, err := chooseMaterial(rec, in, all, digest, e.arn)
		if err != nil {
			return err
		}
		if fresh {
			if m.ID, err = newHexID(cl.k.o.Rand); err != nil {
				return err
			}
			m.Created, m.Digest = cl.k.now(), digest
			all = append(all, m)
		} else if len(m.Sealed) == 0 && m.Number > 0 {
			rec.Missing--
		}
		if in.KeyMaterialDescription != "" || fresh {
			m.Description = in.KeyMaterialDescription
		}
		m.ValidTo, m.ExpirationModel = in.ValidTo.UTC(), or(in.ExpirationModel, materialExpires)
		if m.Sealed, err = cl.k.sealMaterial(rec, m.ID, secret); err != nil {
			return err
		}
		id = m.ID
		if rec.State == PendingImport && !rec.needsImport() {
			rec.State = Enabled
		}
		return stageMaterials(t, rec, all, m)
	}, Enabled, Disabled, PendingImport)
	return id, err
}

// materialDigest recognises material that comes back. It is only kept sealed.
func materialDigest(keyID string, secret *aead.Secret) []byte {
	h := sha256.New()
	h.Write([]byte("coffer imported material v1\x00" + keyID + "\x00"))
	h.Write(secret.Bytes())
	return h.Sum(nil)
}

// chooseMaterial decides which of a key's materials an import is: a fresh one, or one
// that is known by its digest.
func chooseMaterial(rec *keyRecord, in *ImportKeyMaterialInput, all []*materialRecord, digest []byte, arn string) (m *materialRecord, fresh bool, err error) {
	for _, m := range all {
		if !bytes.Equal(m.Digest, digest) {
			continue
		}
		switch {
		case in.ImportType == importNew:
			return nil, false, refuse(ErrIncorrectKeyMaterial, "The key material is associated with %s already.", arn)
		case in.KeyMaterialID != "" && in.KeyMaterialID != m.ID:
			return nil, false, refuse(ErrIncorrectKeyMaterial, "The key material is not %s.", in.KeyMaterialID)
		}
		return m, false, nil
	}
	switch {
	case rec.Materials == 0 && len(all) == 0:
		rec.Materials = 1
		m = &materialRecord{Number: 1}
		return m, true, nil
	case in.ImportType != importNew:
		return nil, false, refuse(ErrIncorrectKeyMaterial, "The key material is not one that was imported into %s before.", arn)
	case rec.Spec != specSymmetric:
		return nil, false, &Error{Kind: ErrUnsupported}
	case rec.Rotation.Pending != "":
		return nil, false, refuse(ErrInvalidState, "New key material cannot be imported into KMS key %s, because another key material (id: %s) is pending rotation.",
			arn, rec.Rotation.Pending)
	}
	return &materialRecord{}, true, nil
}

// stageMaterials writes the material that changed and brings the key's record up to date.
func stageMaterials(t *txn, rec *keyRecord, all []*materialRecord, changed ...*materialRecord) error {
	for _, m := range changed {
		t.set(prefixMaterial(rec.ID)+m.ID, m)
		h, err := wrapHeader(rec.ID, m.ID)
		if err != nil {
			return err
		}
		t.wrapping = append(t.wrapping, h)
	}
	rec.Expiry, rec.Rotation.Pending = time.Time{}, ""
	for _, m := range all {
		if len(m.Sealed) > 0 {
			rec.Expiry = earliest(rec.Expiry, m.ValidTo)
		}
		switch m.Number {
		case 0:
			if len(m.Sealed) > 0 {
				rec.Rotation.Pending = m.ID
			}
		case rec.Materials:
			rec.Material, rec.ValidTo, rec.ExpirationModel = m.ID, m.ValidTo, m.ExpirationModel
			if len(m.Sealed) == 0 {
				rec.ValidTo, rec.ExpirationModel = time.Time{}, ""
			}
		}
	}
	return nil
}
