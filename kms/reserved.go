package kms

import (
	"context"

	"coffer.example/aead"
)

// isReserved says whether a blob names the reserved key.
func (k *KMS) isReserved(wrapped []byte) bool {
	h, err := aead.ParseWrapped(wrapped)
	return err == nil && formatUUID(h.KeyID) == k.format.ReservedKey
}

func (k *KMS) wrapReserved(ctx context.Context, secret *aead.Secret, ec map[string]string) ([]byte, error) {
	canonical, err := canonicalContext(ec)
	if err != nil {
		return nil, err
	}
	e, err := k.entry(ctx, k.format.ReservedKey)
	if err != nil {
		return nil, asError(err)
	}
	return k.wrap(ctx, e, secret.Bytes(), canonical)
}

func (k *KMS) unwrapReserved(ctx context.Context, wrapped []byte, ec map[string]string) (*aead.Secret, error) {
	canonical, err := canonicalContext(ec)
	if err != nil {
		return nil, err
	}
	e, err := k.entry(ctx, k.format.ReservedKey)
	if err != nil {
		return nil, asError(err)
	}
	h, err := aead.ParseWrapped(wrapped)
	if err != nil {
		return nil, errInvalidCiphertext
	}
	b, err := k.unwrap(ctx, e, h, wrapped, canonical)
	if err != nil {
		return nil, err
	}
	return aead.NewSecret(b), nil
}
