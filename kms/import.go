package kms

import (
	"bytes"
	"context"
	"crypto/sha256"
	"time"

	"coffer.example/aead"
	"coffer.example/internal/meta"
)

const (
	materialExpires = "KEY_MATERIAL_EXPIRES"
	materialStays   = "KEY_MATERIAL_DOES_NOT_EXPIRE"
	importNew       = "NEW_KEY_MATERIAL"
	importExisting  = "EXISTING_KEY_MATERIAL"

	maxMaterialValidity = 365 * day
	maxMaterialText     = 256
)

// ImportKeyMaterial brings material into a key of EXTERNAL origin: its first, the same
// again after it was deleted or expired, or with NEW_KEY_MATERIAL the next, which
// becomes current by RotateKeyOnDemand.
func (k *KMS) ImportKeyMaterial(ctx context.Context, c Caller, in ImportKeyMaterialInput) (*KeyMaterialName, error) {
	return perform(ctx, k, c, "ImportKeyMaterial", func(cl *call) (*KeyMaterialName, error) {
		cl.params = importParams(&in)
		if err := checkImport(&in, k.now()); err != nil {
			return nil, err
		}
		e, err := cl.manage(ctx, in.KeyID, importConditions(&in))
		if err != nil {
			return nil, err
		}
		if e.Origin != originExternal {
			return nil, errOrigin(&e.keyRecord)
		}
		if err := cl.requireState(e, Enabled, Disabled, PendingImport); err != nil {
			return nil, err
		}
		tok, err := k.openImportToken(in.ImportToken, e.ID)
		if err != nil {
			return nil, err
		}
		secret, err := tok.unwrap(in.EncryptedKeyMaterial)
		if err != nil {
			return nil, err
		}
		defer secret.Destroy()
		id, err := cl.importMaterial(ctx, e, &in, secret)
		cl.response = map[string]any{"keyId": e.arn, "keyMaterialId": id}
		return &KeyMaterialName{e.arn, id}, err
	})
}

func importParams(in *ImportKeyMaterialInput) map[string]any {
	m := map[string]any{"keyId": in.KeyID, "expirationModel": or(in.ExpirationModel, materialExpires), "importType": or(in.ImportType, importExisting)}
	if !in.ValidTo.IsZero() {
		m["validTo"] = in.ValidTo.UTC().Format(time.RFC3339)
	}
	if in.KeyMaterialID != "" {
		m["keyMaterialId"] = in.KeyMaterialID
	}
	return m
}

func importConditions(in *ImportKeyMaterialInput) map[string][]string {
	keys := map[string][]string{"kms:expirationmodel": {or(in.ExpirationModel, materialExpires)}}
	if !in.ValidTo.IsZero() {
		keys["kms:validto"] = []string{in.ValidTo.UTC().Format(time.RFC3339)}
	}
	return keys
}

func checkImport(in *ImportKeyMaterialInput, now time.Time) error {
	var v checks
	v.keyID(in.KeyID)
	v.blob("importToken", in.ImportToken, maxImportToken)
	v.blob("encryptedKeyMaterial", in.EncryptedKeyMaterial, maxEncryptedKey)
	v.enum("expirationModel", in.ExpirationModel, materialExpires, materialStays)
	v.enum("importType", in.ImportType, importNew, importExisting)
	v.length("keyMaterialDescription", in.KeyMaterialDescription, maxMaterialText)
	v.length("keyMaterialId", in.KeyMaterialID, 64)
	if err := v.err(); err != nil {
		return err
	}
	switch expires := or(in.ExpirationModel, materialExpires) == materialExpires; {
	case expires && in.ValidTo.IsZero():
		return refuse(ErrValidation, "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES")
	case !expires && !in.ValidTo.IsZero():
		return refuse(ErrValidation, "A validTo date must not be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE")
	case expires && !in.ValidTo.After(now):
		return refuse(ErrValidation, "The validTo date must be in the future.")
	case expires && in.ValidTo.Sub(now) > maxMaterialValidity:
		return refuse(ErrValidation, "The validTo date must be within 365 days from now.")
	}
	return nil
}

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

// stagePending makes the imported material that waits for it current.
func (k *KMS) stagePending(ctx context.Context, t *txn, rec *keyRecord) error {
	if rec.Rotation.Pending == "" {
		return refuse(ErrInvalidState, "No available key material pending rotation for the key: %s.", keyARN(rec.Account, rec.Region, rec.ID))
	}
	all, err := k.materials(ctx, rec.ID)
	if err != nil {
		return err
	}
	for _, m := range all {
		if m.ID == rec.Rotation.Pending {
			rec.Materials++
			m.Number, m.Rotated, m.Type = rec.Materials, k.now(), rotationOnDemand
			return stageMaterials(t, rec, all, m)
		}
	}
	return errNoMaterial
}

// stageExpiry takes the bytes of all material whose time has passed.
func (k *KMS) stageExpiry(ctx context.Context, t *txn, rec *keyRecord, now time.Time) error {
	return k.stageRemoval(ctx, t, rec, func(m *materialRecord) bool { return !m.ValidTo.IsZero() && !now.Before(m.ValidTo) })
}

// stageRemoval takes the bytes of chosen material: what was current once must be
// imported again; what waits for its rotation is forgotten.
func (k *KMS) stageRemoval(ctx context.Context, t *txn, rec *keyRecord, chosen func(*materialRecord) bool) error {
	all, err := k.materials(ctx, rec.ID)
	if err != nil {
		return err
	}
	var changed []*materialRecord
	var left []*materialRecord
	for _, m := range all {
		if len(m.Sealed) == 0 || !chosen(m) {
			left = append(left, m)
			continue
		}
		m.Sealed, m.ValidTo, m.ExpirationModel = nil, time.Time{}, ""
		if m.Number == 0 {
			t.delete(prefixMaterial(rec.ID) + m.ID)
			continue
		}
		rec.Missing++
		changed, left = append(changed, m), append(left, m)
	}
	if rec.needsImport() && rec.State != PendingDeletion {
		rec.State = PendingImport
	}
	return stageMaterials(t, rec, left, changed...)
}

// eraseMaterial makes removed material unreadable in the files of the store.
func (k *KMS) eraseMaterial(ctx context.Context, keyID string) error {
	return meta.Erase(ctx, k.store, prefixMaterial(keyID))
}

// DeleteImportedKeyMaterial erases imported material at once. The key is unusable until the same comes back.
func (k *KMS) DeleteImportedKeyMaterial(ctx context.Context, c Caller, in DeleteImportedKeyMaterialInput) (*KeyMaterialName, error) {
	return perform(ctx, k, c, "DeleteImportedKeyMaterial", func(cl *call) (*KeyMaterialName, error) {
		cl.params = map[string]any{"keyId": in.KeyID, "keyMaterialId": in.KeyMaterialID}
		e, err := cl.manage(ctx, in.KeyID, nil)
		if err != nil {
			return nil, err
		}
		if e.Origin != originExternal {
			return nil, errOrigin(&e.keyRecord)
		}
		id := or(in.KeyMaterialID, e.Material)
		if in.KeyMaterialID != "" {
			if _, ok := parseHexID(id); !ok {
				return nil, refuse(ErrNotFound, "Key material %s does not exist in %s.", id, e.arn)
			}
			if _, err := k.material(ctx, e.ID, id); missing(err) {
				return nil, refuse(ErrNotFound, "Key material %s does not exist in %s.", id, e.arn)
			} else if err != nil {
				return nil, err
			}
		}
		err = cl.change(ctx, e, func(rec *keyRecord, t *txn) error {
			return k.stageRemoval(ctx, t, rec, func(m *materialRecord) bool { return m.ID == id })
		}, Enabled, Disabled, PendingDeletion, PendingImport)
		if err == nil {
			err = k.eraseMaterial(ctx, e.ID)
		}
		cl.response = map[string]any{"keyId": e.arn, "keyMaterialId": id}
		return &KeyMaterialName{e.arn, id}, err
	})
}
