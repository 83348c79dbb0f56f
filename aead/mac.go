package aead

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"hash"
	"sync"
)

// MACKey is a key for HMAC-SHA256 (RFC 2104): record MACs, set hashes and anchors.
// It is safe for concurrent use and allocates nothing in the steady state.
type MACKey struct {
	pool sync.Pool // of *macState; its New holds the key
}

// macState is a keyed HMAC and its output buffer.
type macState struct {
	h   hash.Hash
	out [sha256.Size]byte
}

func newMACKey(key []byte) *MACKey {
	k := new(MACKey)
	k.pool.New = func() any { return &macState{h: hmac.New(sha256.New, key)} }
	return k
}

// MACKeyFromSecret returns a MAC key with a copy of s.
func MACKeyFromSecret(s *Secret) *MACKey {
	return newMACKey(append([]byte(nil), s.Bytes()...))
}

// Sum returns HMAC-SHA256 of message, 32 bytes.
func (k *MACKey) Sum(message []byte) (sum [sha256.Size]byte) {
	st := k.pool.Get().(*macState)
	st.h.Reset()
	st.h.Write(message)
	st.h.Sum(st.out[:0])
	sum = st.out
	k.pool.Put(st)
	return sum
}

// Tag returns the first TagSize bytes of Sum. A deterministic MAC has no nonce to get wrong.
func (k *MACKey) Tag(message []byte) (tag [TagSize]byte) {
	sum := k.Sum(message)
	copy(tag[:], sum[:])
	return tag
}

// VerifyTag compares in constant time.
func (k *MACKey) VerifyTag(message, tag []byte) bool {
	want := k.Tag(message)
	return subtle.ConstantTimeCompare(want[:], tag) == 1
}

// VerifySum compares in constant time.
func (k *MACKey) VerifySum(message, sum []byte) bool {
	want := k.Sum(message)
	return subtle.ConstantTimeCompare(want[:], sum) == 1
}

// String implements fmt.Stringer without showing the key.
func (k *MACKey) String() string { return redacted }

// Format implements fmt.Formatter without showing the key.
func (k *MACKey) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// SetHash is a sum of PRF outputs modulo 2^256: a hash of a set whose members can be
// added and taken away. It must stay sealed: sums an adversary can see invite
// Wagner's generalised birthday attack.
type SetHash [32]byte

// Add adds the PRF output of one member.
func (s *SetHash) Add(prf [32]byte) { s.combine(prf, 0, 0) }

// Sub takes one member away.
func (s *SetHash) Sub(prf [32]byte) { s.combine(prf, ^uint64(0), 1) }

// combine adds prf^flip + carry: with every bit flipped and carry = 1 that subtracts.
func (s *SetHash) combine(prf [32]byte, flip, carry uint64) {
	for i := 24; i >= 0; i -= 8 {
		a, b := binary.BigEndian.Uint64(s[i:]), binary.BigEndian.Uint64(prf[i:])^flip
		t := a + carry
		c1 := b2u(t < a)
		sum := t + b
		binary.BigEndian.PutUint64(s[i:], sum)
		carry = c1 + b2u(sum < t)
	}
}

func b2u(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
