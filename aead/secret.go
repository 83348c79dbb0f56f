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
	// A func, because fmt calls no methods on unexported fields of other structs and
	// some verbs follow pointers there; it prints a func as an address.
	memory func() *secretMemory
}

type secretMemory struct {
	b       []byte
	release func()
}

// NewSecret moves b into a Secret: b is cleared.
func NewSecret(b []byte) *Secret {
	s := newSecret(b)
	clear(b)
	return s
}

func newSecret(b []byte) *Secret {
	locked, release := lockedAlloc(len(b))
	copy(locked, b)
	m := &secretMemory{locked, release}
	return &Secret{func() *secretMemory { return m }}
}

// Bytes returns the key bytes themselves, valid until Destroy. Do not keep or print them.
func (s *Secret) Bytes() []byte {
	if s == nil || s.memory == nil {
		return nil
	}
	return s.memory().b
}

// Len returns the length in bytes.
func (s *Secret) Len() int { return len(s.Bytes()) }

// Equal compares in constant time.
func (s *Secret) Equal(o *Secret) bool {
	return subtle.ConstantTimeCompare(s.Bytes(), o.Bytes()) == 1
}

// Clone returns an independent copy.
func (s *Secret) Clone() *Secret { return newSecret(s.Bytes()) }

// Destroy clears the bytes and returns the memory. It may be called twice, not
// concurrently with a use. A Secret that is never destroyed keeps its page.
func (s *Secret) Destroy() {
	if s.Len() == 0 {
		return
	}
	m := s.memory()
	clear(m.b)
	m.b = nil
	m.release()
}

const redacted = "[redacted]"

// String implements fmt.Stringer without showing the key.
func (s Secret) String() string { return redacted }

// Format implements fmt.Formatter without showing the key, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// MarshalText implements encoding.TextMarshaler (and so JSON) without showing the key.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
