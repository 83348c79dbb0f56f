package kms

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"coffer.example/aead"
	"coffer.example/internal/binfmt"
)

// Parent is another KMS that seals a root key: AWS KMS, or another coffer, through
// whatever client. The plaintext is 32 bytes.
type Parent interface {
	// Encrypt wraps plaintext under the named key and context. It returns the blob and the key's ARN.
	Encrypt(ctx context.Context, keyID string, plaintext []byte, encryptionContext map[string]string) (blob []byte, keyARN string, err error)
	// Decrypt opens a blob that must be under keyARN. An error that says that the parent
	// refused the blob wraps ErrInvalidCiphertext or ErrIncorrectKey.
	Decrypt(ctx context.Context, keyARN string, blob []byte, encryptionContext map[string]string) (plaintext []byte, err error)
}

// parentContextKey is the name of the pair that binds a root key to its directory in the parent.
const parentContextKey = "coffer:store"

// RootParent seals the root key under a key of a parent KMS: the directory opens only
// while the parent and its key policy allow it. keyID is needed to seal; to open, the
// sealing record names the key, and a keyID that is a key's ARN must be the same.
func RootParent(parent Parent, keyID string) Root { return rootParent{parent, keyID} }

type rootParent struct {
	parent Parent
	keyID  string
}

const (
	kindParent   = "kms"
	maxParentARN = 512
)

func (p rootParent) Kind() string { return kindParent }

// The parent's blob does not hold the root key but a key-encryption key for it: a
// parent that logs plaintexts shows nothing without the directory.
//
//	length(2) ‖ ARN of the parent's key ‖ length(2) ‖ blob ‖ root key sealed under the key-encryption key
func (p rootParent) Seal(ctx context.Context, d RootDir, root *aead.Secret) ([]byte, error) {
	b := make([]byte, aead.KeySize)
	if _, err := io.ReadFull(d.Rand, b); err != nil {
		return nil, fmt.Errorf("kms: draw key: %w", err)
	}
	kek := aead.NewSecret(b)
	defer kek.Destroy()
	blob, arn, err := p.parent.Encrypt(ctx, p.keyID, kek.Bytes(), parentContext(d))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrParent, err)
	}
	if arn == "" {
		return nil, fmt.Errorf("%w: it does not name its key", ErrParent)
	}
	sealed, err := sealRoot(d, kindParent, kek.Clone(), root)
	if err != nil {
		return nil, err
	}
	w := binfmt.NewWriter(MaxSealedRoot)
	w.String16(arn)
	w.Bytes16(blob)
	w.Raw(sealed)
	return w.Finish()
}

func (p rootParent) Open(ctx context.Context, d RootDir, sealed []byte) (*aead.Secret, error) {
	r := binfmt.NewReader(sealed)
	arn, blob, sealed := r.String16(maxParentARN), r.Bytes16(aead.MaxWrappedSize), r.Rest()
	if err := r.Finish(); err != nil {
		return nil, fmt.Errorf("%w: parent KMS: %w", ErrDamaged, err)
	}
	if strings.Contains(p.keyID, ":key/") && p.keyID != arn {
		return nil, fmt.Errorf("%w: it is sealed by %s, not by %s", ErrWrongRoot, arn, p.keyID)
	}
	plain, err := p.parent.Decrypt(ctx, arn, blob, parentContext(d))
	switch {
	case errors.Is(err, ErrInvalidCiphertext), errors.Is(err, ErrIncorrectKey):
		return nil, fmt.Errorf("%w: the parent KMS does not open it", ErrWrongRoot)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrParent, err)
	case len(plain) != aead.KeySize:
		clear(plain)
		return nil, fmt.Errorf("%w: the parent KMS answers another size", ErrWrongRoot)
	}
	return openRoot(d, kindParent, aead.NewSecret(plain), sealed)
}

func parentContext(d RootDir) map[string]string {
	return map[string]string{parentContextKey: fmt.Sprintf("%x", d.Store)}
}
