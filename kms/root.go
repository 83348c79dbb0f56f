package kms

import (
	"context"
	"fmt"
	"io"

	"coffer.example/aead"
)

// Root seals the root key of a directory. Implementations are made by RootKeyFile and
// its siblings; a parent KMS implements it too.
type Root interface {
	// Kind names the way of sealing in the sealing record: "file", "passphrase", "environment", "kms".
	Kind() string
	// Seal makes what it needs (such as a key file) and seals root for a directory.
	// The result is at most MaxSealedRoot bytes.
	Seal(ctx context.Context, d RootDir, root *aead.Secret) (sealed []byte, err error)
	// Open opens what Seal returned for the same directory. An error wraps ErrWrongRoot,
	// ErrDamagedRoot or ErrNotFound, or is one of the machine or the network.
	Open(ctx context.Context, d RootDir, sealed []byte) (*aead.Secret, error)
}

// MaxSealedRoot is the largest sealed root key, in bytes: a CiphertextBlob of KMS fits.
const MaxSealedRoot = 8 << 10

// RootDir is the directory that a Root seals for.
type RootDir struct {
	Path  string    // Options.Dir
	Store aead.ID   // random, made at Init; sealed bytes are bound to it
	Rand  io.Reader // the source of randomness
}

// sealRoot seals root under a key-encryption key, which it destroys, bound to the directory and kind.
func sealRoot(d RootDir, kind string, kek, root *aead.Secret) ([]byte, error) {
	key, err := aead.NewRecordKey(kek)
	if err != nil {
		return nil, err
	}
	return key.Seal(d.Rand, nil, root.Bytes(), rootAAD(d, kind))
}

// openRoot is the inverse of sealRoot.
func openRoot(d RootDir, kind string, kek *aead.Secret, sealed []byte) (*aead.Secret, error) {
	key, err := aead.NewRecordKey(kek)
	if err != nil {
		return nil, err
	}
	b, err := key.Open(nil, sealed, rootAAD(d, kind))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWrongRoot, err)
	}
	return aead.NewSecret(b), nil
}

func rootAAD(d RootDir, kind string) []byte {
	return append([]byte("coffer/v1/root/"+kind+"\x00"), d.Store[:]...)
}
