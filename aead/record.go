package aead

import (
	"crypto/cipher"
	"fmt"
	"io"

	"golang.org/x/crypto/chacha20poly1305"
)

// WrapSuite names the cipher of wrapped keys and records: both take a random
// 192-bit nonce, so one key may seal any number of messages.
type WrapSuite uint8

const (
	// WrapXAES256GCM is XAES-256-GCM (C2SP).
	WrapXAES256GCM WrapSuite = 1
	// WrapXChaCha20Poly1305 is XChaCha20-Poly1305, for CPUs without constant-time AES.
	WrapXChaCha20Poly1305 WrapSuite = 2
)

const (
	wrapNonceSize = 24

	// MaxRecordSize is the largest plaintext of a record, in bytes (the value limit of the metadata store).
	MaxRecordSize = 256 << 10
	// RecordOverhead is the growth of a sealed record, in bytes.
	RecordOverhead = 1 + wrapNonceSize + TagSize
)

// RecordKey seals small records (metadata values, names, counters, tokens) with
// random nonces. It is safe for concurrent use.
type RecordKey struct {
	suite  WrapSuite
	xaes   *xaes
	chacha cipher.AEAD
}

// NewRecordKey derives a record key from s and destroys s. New records use XAES-256-GCM
// where AES is constant-time, else XChaCha20-Poly1305. Both open; but where AES would be
// table-driven, XAES records answer ErrNotConstantTime unless opts has AllowTableAES.
func NewRecordKey(s *Secret, opts ...Option) (*RecordKey, error) {
	defer s.Destroy()
	kx, kc := expand(s.Bytes(), nil, labelRecordXAES), expand(s.Bytes(), nil, labelRecordXChaCha)
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
	return &RecordKey{suite: DefaultWrapSuite(), xaes: x, chacha: c}, nil
}

// Seal appends the sealed record to dst, which must not overlap plaintext. Nonces are 192 random bits: a repeat within
// 2^80 records of one key has probability 2^-32.
func (k *RecordKey) Seal(rand io.Reader, dst, plaintext, aad []byte) ([]byte, error) {
	if len(plaintext) > MaxRecordSize {
		return nil, fmt.Errorf("%w: record of %d bytes", ErrSize, len(plaintext))
	}
	start := len(dst)
	dst = append(dst, make([]byte, 1+wrapNonceSize)...)
	dst[start] = byte(k.suite)
	nonce := dst[start+1 : start+1+wrapNonceSize]
	if _, err := io.ReadFull(rand, nonce); err != nil {
		return nil, fmt.Errorf("aead: draw nonce: %w", err)
	}
	if k.suite == WrapXChaCha20Poly1305 {
		return k.chacha.Seal(dst, nonce, plaintext, aad), nil
	}
	return k.xaes.seal(dst, nonce, plaintext, aad)
}

// Open appends the plaintext of a sealed record to dst.
func (k *RecordKey) Open(dst, sealed, aad []byte) ([]byte, error) {
	if len(sealed) < RecordOverhead {
		return nil, fmt.Errorf("%w: record of %d bytes", ErrFormat, len(sealed))
	}
	nonce, ct := sealed[1:1+wrapNonceSize], sealed[1+wrapNonceSize:]
	switch WrapSuite(sealed[0]) {
	case WrapXAES256GCM:
		return k.xaes.open(dst, nonce, ct, aad)
	case WrapXChaCha20Poly1305:
		out, err := k.chacha.Open(dst, nonce, ct, aad)
		if err != nil {
			return nil, ErrOpen
		}
		return out, nil
	}
	return nil, fmt.Errorf("%w: record suite %d", ErrFormat, sealed[0])
}

// String implements fmt.Stringer without showing the key.
func (k *RecordKey) String() string { return redacted }

// Format implements fmt.Formatter without showing the key.
func (k *RecordKey) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }
