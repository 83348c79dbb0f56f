package aead

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// Suite names the cipher that seals blocks. Both suites have a 96-bit nonce and a
// 16-byte tag, so the layout on disk is the same.
type Suite uint8

const (
	// SuiteAES256GCM is AES-256-GCM of the standard library (SP 800-38D).
	SuiteAES256GCM Suite = 1
	// SuiteChaCha20Poly1305 is ChaCha20-Poly1305 (RFC 8439), for CPUs without AES instructions.
	SuiteChaCha20Poly1305 Suite = 2
)

const (
	// BlockSize is the plaintext and ciphertext size of a block, in bytes.
	BlockSize = 4096
	// TagSize is the size of every authentication tag and record MAC, in bytes.
	TagSize = 16
	// NonceSize is the size of a block's nonce, in bytes.
	NonceSize = 12
	// SaltSize is the size of a write session's salt, in bytes.
	SaltSize = 32
	// KeySize is the size of every symmetric key that is used directly, in bytes.
	KeySize = 32
	// VolumeDataKeySize is the size of a data key that seals a volume, in bytes, as EBS asks of KMS.
	VolumeDataKeySize = 64
	// MaxSessionBlocks is the number of blocks sealed under one session key (SP 800-38D section 8.3).
	MaxSessionBlocks = 1 << 32
	// FormatVersion is the version of the block format, bound by every block's AAD.
	FormatVersion = 1
)

// String returns the suite's name as it appears in reports.
func (s Suite) String() string {
	switch s {
	case SuiteAES256GCM:
		return "AES-256-GCM"
	case SuiteChaCha20Poly1305:
		return "ChaCha20-Poly1305"
	}
	return fmt.Sprintf("suite(%d)", uint8(s))
}

// newAEAD returns the suite's AEAD for a 32-byte key.
func (s Suite) newAEAD(key []byte, opts []Option) (cipher.AEAD, error) {
	switch s {
	case SuiteAES256GCM:
		if err := checkAES(opts); err != nil {
			return nil, err
		}
		return newGCM(key)
	case SuiteChaCha20Poly1305:
		return chacha20poly1305.New(key)
	}
	return nil, fmt.Errorf("%w: %d", ErrSuite, uint8(s))
}

func newGCM(key []byte) (cipher.AEAD, error) {
	b, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(b)
}
