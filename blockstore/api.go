package blockstore

import (
	"context"

	"coffer.example/aead"
)

// Keyring makes and opens the data keys of volumes. kms.Keyring implements it; a
// remote KMS drops in here. The empty key name means the reserved key of plain volumes.
type Keyring interface {
	// NewDataKey draws a data key of aead.VolumeDataKeySize bytes under the named KMS
	// key (id, ARN, alias or alias ARN) and returns it, wrapped and in clear, with the key's ARN.
	NewDataKey(ctx context.Context, key string, encryptionContext map[string]string) (dek *aead.DataKey, wrapped []byte, keyARN string, err error)
	// Unwrap opens a wrapped data key under exactly the context it was wrapped with.
	Unwrap(ctx context.Context, wrapped []byte, encryptionContext map[string]string) (*aead.DataKey, error)
	// Rewrap opens a wrapped data key and wraps the same data key under the named key and another context.
	Rewrap(ctx context.Context, wrapped []byte, encryptionContext map[string]string, key string, newContext map[string]string) (dek *aead.DataKey, newWrapped []byte, keyARN string, err error)
}

// AnchorStore keeps the freshness anchors of volumes apart from the index, so that a
// rolled back index is noticed. Names are at most 128 bytes, values at most 256. kms.Keyring implements it.
type AnchorStore interface {
	// Load returns the anchor saved under name, or nil if there is none.
	Load(ctx context.Context, name string) ([]byte, error)
	// Save keeps value under name durably; nil removes it.
	Save(ctx context.Context, name string, value []byte) error
}
