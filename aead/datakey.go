package aead

import (
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
)

// ID is a store or volume id: 16 random bytes, never reused.
type ID [16]byte

// DataKey is a data key (DEK) and the keys derived from it. It owns the secret.
type DataKey struct{ secret *Secret }

// NewDataKey draws a data key of VolumeDataKeySize bytes from rand.
func NewDataKey(rand io.Reader) (*DataKey, error) {
	b := make([]byte, VolumeDataKeySize)
	if _, err := io.ReadFull(rand, b); err != nil {
		return nil, fmt.Errorf("aead: draw data key: %w", err)
	}
	return &DataKey{NewSecret(b)}, nil
}

// DataKeyFromSecret takes ownership of s as a data key.
func DataKeyFromSecret(s *Secret) (*DataKey, error) {
	if s.Len() != VolumeDataKeySize {
		return nil, fmt.Errorf("%w: data key of %d bytes", ErrSize, s.Len())
	}
	return &DataKey{s}, nil
}

// Secret returns the key itself, for wrapping.
func (k *DataKey) Secret() *Secret { return k.secret }

// Clone returns an independent copy.
func (k *DataKey) Clone() *DataKey { return &DataKey{k.secret.Clone()} }

// Destroy clears the key. Keys already derived keep working.
func (k *DataKey) Destroy() {
	if k != nil {
		k.secret.Destroy()
	}
}

// String implements fmt.Stringer without showing the key.
func (k DataKey) String() string { return redacted }

// Format implements fmt.Formatter without showing the key.
func (k DataKey) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// Commitment returns the public commitment to the key.
func (k *DataKey) Commitment() (c [32]byte) {
	copy(c[:], k.expand(nil, labelCommitment))
	return c
}

// Matches compares the key with a stored commitment in constant time.
func (k *DataKey) Matches(commitment [32]byte) bool {
	c := k.Commitment()
	return subtle.ConstantTimeCompare(c[:], commitment[:]) == 1
}

// IndexKey returns the MAC key of extent records.
func (k *DataKey) IndexKey() *MACKey { return newMACKey(k.expand(nil, labelIndex)) }

// ViewKey returns the PRF key of set hashes.
func (k *DataKey) ViewKey() *MACKey { return newMACKey(k.expand(nil, labelView)) }

// AnchorKey returns the MAC key of freshness anchors.
func (k *DataKey) AnchorKey() *MACKey { return newMACKey(k.expand(nil, labelAnchor)) }

// HeaderKey returns the key that seals names, counters and set hashes.
func (k *DataKey) HeaderKey(opts ...Option) (*RecordKey, error) {
	return NewRecordKey(NewSecret(k.expand(nil, labelHeader)), opts...)
}

// Session derives the session key of a write session and returns its sealer. salt
// is SaltSize bytes that were drawn for this session alone. SuiteAES256GCM answers
// ErrNotConstantTime where AES would be table-driven, unless opts has AllowTableAES.
func (k *DataKey) Session(suite Suite, salt []byte, store, volume ID, opts ...Option) (*Session, error) {
	if len(salt) != SaltSize {
		return nil, fmt.Errorf("%w: salt of %d bytes", ErrSize, len(salt))
	}
	info := append([]byte(labelSession), 0, FormatVersion, byte(suite))
	info = append(info, store[:]...)
	info = append(info, volume[:]...)
	key := k.expand(salt, string(info))
	defer clear(key)
	a, err := suite.newAEAD(key, opts)
	if err != nil {
		return nil, err
	}
	return newSession(a, store, volume), nil
}

// DeriveSecret derives a 32-byte key from s for one of the exported labels.
func DeriveSecret(s *Secret, label string) *Secret {
	return NewSecret(expand(s.Bytes(), nil, label))
}

func (k *DataKey) expand(salt []byte, info string) []byte {
	return expand(k.secret.Bytes(), salt, info)
}

// expand is HKDF-SHA256 (RFC 5869) with a 32-byte output.
func expand(secret, salt []byte, info string) []byte {
	out, err := hkdf.Key(sha256.New, secret, salt, info, KeySize)
	if err != nil {
		panic("aead: " + err.Error()) // only for an output over 255 hashes, or a short key in FIPS mode
	}
	return out
}
