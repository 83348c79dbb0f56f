package aead

import (
	"crypto/cipher"
	"crypto/subtle"
	"fmt"
	"io"
	"sync"

	"golang.org/x/crypto/chacha20poly1305"
)

const (
	wrapMagic   = "CFWK"
	wrapVersion = 1

	wrapOffKeyID      = 6
	wrapOffMaterial   = 22
	wrapOffNonce      = 54
	wrapOffCommitment = 78
	wrapHeaderSize    = 110

	// MaxWrappedPlaintext is the largest plaintext of a wrapped key, in bytes (KMS Encrypt).
	MaxWrappedPlaintext = 4096
	// WrapOverhead is the growth of a wrapped key, in bytes.
	WrapOverhead = wrapHeaderSize + TagSize
	// MaxWrappedSize is the largest CiphertextBlob of KMS, in bytes.
	MaxWrappedSize = 6144
)

// A wrapped maximum plaintext fits KMS's largest CiphertextBlob.
const _ = uint(MaxWrappedSize - MaxWrappedPlaintext - WrapOverhead)

// WrapHeader names the key and material that wrapped a key.
type WrapHeader struct {
	KeyID      ID
	MaterialID [32]byte
}

// WrappingKey wraps and unwraps keys under one version of a KMS key's material. It is
// safe for concurrent use.
type WrappingKey struct {
	header WrapHeader
	suite  WrapSuite
	xaes   *xaes
	chacha cipher.AEAD
	commit *MACKey   // of suite 2's commitment
	aads   sync.Pool // of *[]byte
}

// NewWrappingKey expands 32 bytes of key material, one key per suite; the material
// stays the caller's. New keys are wrapped with XAES-256-GCM where AES is
// constant-time, else with XChaCha20-Poly1305. Both unwrap; but where AES would be
// table-driven, XAES answers ErrNotConstantTime unless opts has AllowTableAES.
func NewWrappingKey(h WrapHeader, material *Secret, opts ...Option) (*WrappingKey, error) {
	if material.Len() != KeySize {
		return nil, fmt.Errorf("%w: key material of %d bytes", ErrSize, material.Len())
	}
	kx, kc := expand(material.Bytes(), nil, labelWrapXAES), expand(material.Bytes(), nil, labelWrapXChaCha)
	defer clear(kx)
	defer clear(kc)
	x, err := newXAES(kx, opts)
	if err != nil {
		return nil, err
	}
	c, err := chacha20poly1305.NewX(kc)
	if err != nil {
		return nil, err
	}
	commit := newMACKey(expand(material.Bytes(), nil, labelWrapCommitment))
	return &WrappingKey{header: h, suite: DefaultWrapSuite(), xaes: x, chacha: c, commit: commit}, nil
}

// Header returns the ids that every key wrapped by k carries.
func (k *WrappingKey) Header() WrapHeader { return k.header }

// Wrap seals plaintext (1..MaxWrappedPlaintext bytes), bound to the canonical encryption context.
func (k *WrappingKey) Wrap(rand io.Reader, plaintext, context []byte) ([]byte, error) {
	if len(plaintext) == 0 || len(plaintext) > MaxWrappedPlaintext {
		return nil, fmt.Errorf("%w: wrapping %d bytes", ErrSize, len(plaintext))
	}
	out := make([]byte, wrapHeaderSize, wrapHeaderSize+len(plaintext)+TagSize)
	copy(out, wrapMagic)
	out[4], out[5] = wrapVersion, byte(k.suite)
	copy(out[wrapOffKeyID:], k.header.KeyID[:])
	copy(out[wrapOffMaterial:], k.header.MaterialID[:])
	nonce := out[wrapOffNonce:wrapOffCommitment]
	// A repeat of a random 192-bit nonce within 2^80 wrapped keys has probability 2^-32.
	if _, err := io.ReadFull(rand, nonce); err != nil {
		return nil, fmt.Errorf("aead: draw nonce: %w", err)
	}
	c, err := k.commitment(k.suite, nonce)
	if err != nil {
		return nil, err
	}
	copy(out[wrapOffCommitment:], c[:])
	aad := k.takeAAD(out, context)
	defer k.aads.Put(aad)
	if k.suite == WrapXChaCha20Poly1305 {
		return k.chacha.Seal(out, nonce, plaintext, *aad), nil
	}
	return k.xaes.seal(out, nonce, plaintext, *aad)
}

// Unwrap opens a wrapped key. Every failure that an attacker can cause is ErrOpen or
// ErrFormat (or ErrNotConstantTime, see NewWrappingKey).
func (k *WrappingKey) Unwrap(wrapped, context []byte) (*Secret, error) {
	out, err := k.UnwrapBytes(wrapped, context)
	if err != nil {
		return nil, err
	}
	return NewSecret(out), nil
}

// UnwrapBytes is Unwrap into ordinary memory, for a plaintext that leaves the process
// at once: a Secret's page costs several system calls.
func (k *WrappingKey) UnwrapBytes(wrapped, context []byte) ([]byte, error) {
	h, err := ParseWrapped(wrapped)
	if err != nil {
		return nil, err
	}
	if h != k.header {
		return nil, ErrOpen
	}
	suite, nonce := WrapSuite(wrapped[5]), wrapped[wrapOffNonce:wrapOffCommitment]
	c, err := k.commitment(suite, nonce)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(c[:], wrapped[wrapOffCommitment:wrapHeaderSize]) != 1 {
		return nil, ErrOpen
	}
	aad := k.takeAAD(wrapped[:wrapHeaderSize], context)
	defer k.aads.Put(aad)
	var out []byte
	if suite == WrapXChaCha20Poly1305 {
		out, err = k.chacha.Open(nil, nonce, wrapped[wrapHeaderSize:], *aad)
	} else {
		out, err = k.xaes.open(nil, nonce, wrapped[wrapHeaderSize:], *aad)
	}
	if err != nil {
		return nil, ErrOpen
	}
	return out, nil
}

// takeAAD is the associated data, header ‖ context, in room that is used again.
func (k *WrappingKey) takeAAD(header, context []byte) *[]byte {
	aad, _ := k.aads.Get().(*[]byte)
	if aad == nil {
		aad = new([]byte)
	}
	*aad = append(append((*aad)[:0], header...), context...)
	return aad
}

func (k *WrappingKey) commitment(s WrapSuite, nonce []byte) (c [32]byte, err error) {
	if s == WrapXChaCha20Poly1305 {
		return k.commit.Sum(nonce), nil
	}
	if k.xaes == nil {
		return c, ErrNotConstantTime
	}
	return k.xaes.commitment(nonce), nil
}

// ParseWrapped reads the header of a wrapped key and checks magic, version, suite and size.
func ParseWrapped(wrapped []byte) (WrapHeader, error) {
	var h WrapHeader
	if len(wrapped) <= WrapOverhead || len(wrapped) > WrapOverhead+MaxWrappedPlaintext {
		return h, fmt.Errorf("%w: wrapped key of %d bytes", ErrFormat, len(wrapped))
	}
	if string(wrapped[:4]) != wrapMagic || wrapped[4] != wrapVersion {
		return h, fmt.Errorf("%w: not a wrapped key of version %d", ErrFormat, wrapVersion)
	}
	if s := WrapSuite(wrapped[5]); s != WrapXAES256GCM && s != WrapXChaCha20Poly1305 {
		return h, fmt.Errorf("%w: wrap suite %d", ErrFormat, s)
	}
	copy(h.KeyID[:], wrapped[wrapOffKeyID:])
	copy(h.MaterialID[:], wrapped[wrapOffMaterial:])
	return h, nil
}

// String implements fmt.Stringer without showing the key.
func (k *WrappingKey) String() string { return redacted }

// Format implements fmt.Formatter without showing the key.
func (k *WrappingKey) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }
