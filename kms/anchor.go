package kms

import (
	"context"
	"encoding/hex"
	"fmt"
)

// Limits of anchors.
const (
	maxAnchorName  = 128
	maxAnchorValue = 256
)

// Load returns the anchor saved under name, or nil if there is none.
func (r *Keyring) Load(ctx context.Context, name string) ([]byte, error) {
	if err := checkAnchor(name, nil); err != nil {
		return nil, err
	}
	v, _, err := r.k.store.Get(ctx, anchorName(name))
	if missing(err) {
		return nil, nil
	}
	return v, err
}

// Save keeps value under name durably; nil removes it.
func (r *Keyring) Save(ctx context.Context, name string, value []byte) error {
	if err := checkAnchor(name, value); err != nil {
		return err
	}
	return r.k.store.Commit(ctx, nil, map[string][]byte{anchorName(name): value})
}

func checkAnchor(name string, value []byte) error {
	if name == "" || len(name) > maxAnchorName || len(value) > maxAnchorValue {
		return fmt.Errorf("%w: anchor of %d bytes under a name of %d", ErrStoreLimit, len(value), len(name))
	}
	return nil
}

// anchorName keeps any bytes of a name apart from this package's own separators.
func anchorName(name string) string { return prefixAnchor + hex.EncodeToString([]byte(name)) }
