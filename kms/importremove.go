package kms

import (
	"context"
	"time"

	"coffer.example/internal/meta"
)

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
