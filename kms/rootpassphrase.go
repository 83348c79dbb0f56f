package kms

import (
	"context"
	"fmt"
	"io"

	"golang.org/x/crypto/argon2"

	"coffer.example/aead"
	"coffer.example/internal/binfmt"
)

// argonParams are the parameters of Argon2id (RFC 9106), stored beside what they protect:
//
//	passes(4) ‖ memory in KiB(4) ‖ lanes(1) ‖ length(2) ‖ salt ‖ sealed root key
type argonParams struct {
	passes, memoryKiB uint32
	lanes             uint8
	salt              []byte
}

// Bounds of the parameters: a changed file must not make Open take all memory or all day.
const (
	argonMaxPasses    = 64
	argonMinMemoryKiB = 8
	argonMaxMemoryKiB = 4 << 20
	argonMaxLanes     = 64
	argonMinSalt      = 16
	argonMaxSalt      = 64
)

// defaultArgon is the second recommended option of RFC 9106 section 4 (64 MiB).
var defaultArgon = argonParams{passes: 3, memoryKiB: 64 << 10, lanes: 4}

// RootPassphrase seals the root key under a passphrase, stretched by Argon2id. The
// KMS keeps no copy of the passphrase.
func RootPassphrase(passphrase []byte) Root { return rootPassphrase{passphrase, defaultArgon} }

type rootPassphrase struct {
	passphrase []byte
	params     argonParams // of Seal; Open reads those in the record
}

const kindPassphrase = "passphrase"

func (p rootPassphrase) Kind() string { return kindPassphrase }

func (p rootPassphrase) Seal(_ context.Context, d RootDir, root *aead.Secret) ([]byte, error) {
	if len(p.passphrase) == 0 {
		return nil, fmt.Errorf("kms: the passphrase is empty")
	}
	a := p.params
	a.salt = make([]byte, argonMinSalt)
	if _, err := io.ReadFull(d.Rand, a.salt); err != nil {
		return nil, fmt.Errorf("kms: draw salt: %w", err)
	}
	sealed, err := sealRoot(d, kindPassphrase, a.stretch(p.passphrase), root)
	if err != nil {
		return nil, err
	}
	w := binfmt.NewWriter(MaxSealedRoot)
	w.U32(a.passes)
	w.U32(a.memoryKiB)
	w.U8(a.lanes)
	w.Bytes16(a.salt)
	w.Raw(sealed)
	return w.Finish()
}

func (p rootPassphrase) Open(_ context.Context, d RootDir, sealed []byte) (*aead.Secret, error) {
	a, sealed, err := parseArgon(sealed)
	if err != nil {
		return nil, err
	}
	root, err := openRoot(d, kindPassphrase, a.stretch(p.passphrase), sealed)
	if err != nil {
		return nil, fmt.Errorf("%w: the passphrase is not that of %s", ErrWrongRoot, d.Path)
	}
	return root, nil
}

// parseArgon reads parameters and checks their bounds.
func parseArgon(b []byte) (a argonParams, sealed []byte, err error) {
	r := binfmt.NewReader(b)
	a = argonParams{passes: r.U32(), memoryKiB: r.U32(), lanes: r.U8(), salt: r.Bytes16(argonMaxSalt)}
	sealed = r.Rest()
	if err := r.Finish(); err != nil {
		return a, nil, fmt.Errorf("%w: passphrase parameters: %w", ErrDamaged, err)
	}
	if a.passes < 1 || a.passes > argonMaxPasses || a.lanes < 1 || a.lanes > argonMaxLanes ||
		a.memoryKiB < argonMinMemoryKiB*uint32(a.lanes) || a.memoryKiB > argonMaxMemoryKiB || len(a.salt) < argonMinSalt {
		return a, nil, fmt.Errorf("%w: passphrase parameters out of bounds", ErrDamaged)
	}
	return a, sealed, nil
}

func (a argonParams) stretch(passphrase []byte) *aead.Secret {
	return aead.NewSecret(argon2.IDKey(passphrase, a.salt, a.passes, a.memoryKiB, a.lanes, aead.KeySize))
}
