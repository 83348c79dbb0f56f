package aead

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"sync"
)

// xaesNonceSize is the size of an XAES-256-GCM nonce, in bytes: random nonces are
// safe for 2^80 messages under one key (C2SP XAES-256-GCM).
const xaesNonceSize = 24

// xaes is XAES-256-GCM (c2sp.org/XAES-256-GCM): a CMAC counter KDF (SP 800-108r1)
// over the first half of the nonce gives a key for AES-256-GCM under the second half.
type xaes struct {
	block cipher.Block
	k1    [aes.BlockSize]byte // CMAC subkey, SP 800-38B
	rooms sync.Pool           // of *[32]byte: what block.Encrypt works on is on the heap
}

// newXAES returns nil where AES would be table-driven and opts do not allow that: a
// nil *xaes answers every seal and open with ErrNotConstantTime, so that a key can
// still be used with the other suite.
func newXAES(key []byte, opts []Option) (*xaes, error) {
	if checkAES(opts) != nil {
		return nil, nil
	}
	b, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	x := &xaes{block: b}
	b.Encrypt(x.k1[:], x.k1[:])
	msb := byte(0)
	for i := len(x.k1) - 1; i >= 0; i-- {
		msb, x.k1[i] = x.k1[i]>>7, x.k1[i]<<1|msb
	}
	x.k1[len(x.k1)-1] ^= msb * 0b10000111
	return x, nil
}

// derive returns the 32 bytes of the KDF for a label and the first 12 bytes of the nonce.
func (x *xaes) derive(label byte, nonce []byte) (out [32]byte) {
	room, _ := x.rooms.Get().(*[32]byte)
	if room == nil {
		room = new([32]byte)
	}
	for i := range 2 {
		m := room[16*i : 16*i+16]
		m[1], m[2] = byte(i+1), label
		copy(m[4:], nonce[:12])
		subtle.XORBytes(m, m, x.k1[:])
		x.block.Encrypt(m, m)
	}
	out = *room
	clear(room[:])
	x.rooms.Put(room)
	return out
}

// gcm returns AES-256-GCM under the key derived for the nonce ("X" is C2SP's label).
func (x *xaes) gcm(nonce []byte) (cipher.AEAD, error) {
	if x == nil {
		return nil, ErrNotConstantTime
	}
	k := x.derive('X', nonce)
	defer clear(k[:])
	return newGCM(k[:])
}

// commitment binds the key and the first half of the nonce, the inputs of the
// message key; the second half is authenticated as GCM's own nonce. The output has
// 256 bits, so two keys that share a commitment under one nonce, which is stored
// beside it, cost 2^128 work (ePrint 2025/758's idea, with a label of our own).
func (x *xaes) commitment(nonce []byte) [32]byte { return x.derive('C', nonce) }

func (x *xaes) seal(dst, nonce, plaintext, aad []byte) ([]byte, error) {
	g, err := x.gcm(nonce)
	if err != nil {
		return nil, err
	}
	return g.Seal(dst, nonce[12:], plaintext, aad), nil
}

func (x *xaes) open(dst, nonce, ciphertext, aad []byte) ([]byte, error) {
	g, err := x.gcm(nonce)
	if err != nil {
		return nil, err
	}
	out, err := g.Open(dst, nonce[12:], ciphertext, aad)
	if err != nil {
		return nil, ErrOpen
	}
	return out, nil
}
