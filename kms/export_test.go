package kms

import (
	"context"
	"slices"

	"coffer.example/aead"
)

// ImportDirectly brings material that does not expire without the RSA key pair that
// takes most of an import's time.
func (k *KMS) ImportDirectly(ctx context.Context, c Caller, keyID string, material []byte) error {
	return run(ctx, k, c, "ImportKeyMaterial", func(cl *call) error {
		e, err := cl.manage(ctx, keyID, nil)
		if err != nil {
			return err
		}
		_, err = cl.importMaterial(ctx, e, &ImportKeyMaterialInput{ExpirationModel: materialStays}, aead.NewSecret(slices.Clone(material)))
		return err
	})
}
