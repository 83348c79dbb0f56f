package aead

import (
	"crypto/subtle"
	"fmt"
)

// Secret is key bytes that do not leak by being printed: every formatting verb and
// JSON give "[redacted]". The bytes lie in memory that is locked and kept out of
// core dumps where the OS allows it (cipher state expanded from them does not).
// Destroy clears them; a destroyed Secret has length 0.
type Secret struct {
	b       []byte
	release func()
}

// NewSecret moves b into a Secret: b is cleared.
func NewSecret(b []byte) *Secret {
	m, release := lockedAlloc(len(b))
	copy(m, b)
	clear(b)
	return &Secret{b: m, release: release}
}

// Bytes returns the key bytes themselves, valid until Destroy. Do not keep or print them.
func (s *Secret) Bytes() []byte {
	if s == nil {
		return nil
	}
	return s.b
}

// Len returns the length in bytes.
func (s *Secret) Len() int { return len(s.Bytes()) }

// Equal compares in constant time.
func (s *Secret) Equal(o *Secret) bool {
	return subtle.ConstantTimeCompare(s.Bytes(), o.Bytes()) == 1
}

// Clone returns an independent copy.
func (s *Secret) Clone() *Secret {
	m, release := lockedAlloc(s.Len())
	copy(m, s.Bytes())
	return &Secret{b: m, release: release}
}

// Destroy clears the bytes and returns the memory. It may be called twice, not concurrently with a use.
func (s *Secret) Destroy() {
	if s == nil || s.b == nil {
		return
	}
	clear(s.b)
	s.b = nil
	s.release()
}

const redacted = "[redacted]"

// String implements fmt.Stringer without showing the key.
func (s *Secret) String() string { return redacted }

// Format implements fmt.Formatter without showing the key, whatever the verb.
func (s *Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// MarshalText implements encoding.TextMarshaler (and so JSON) without showing the key.
func (s *Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
