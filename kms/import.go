package kms

import (
	"context"
	"time"
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
