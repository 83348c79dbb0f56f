package kms

import (
	"crypto/aes"
	"crypto/subtle"
	"encoding/binary"
	"errors"
)

// errKeyWrap is the one answer to every failure of unwrapKWP.
var errKeyWrap = errors.New("kms: AES key wrap does not open")

// Limits of AES key wrap with padding here: a key of 1 to 64 bytes.
const (
	kwpMagic      = "\xA6\x59\x59\xA6" // RFC 5649 section 3
	kwpMaxWrapped = 64 + 8
)

// unwrapKWP opens AES key wrap with padding (RFC 5649; SP 800-38F section 6.3), which
// RSA_AES_KEY_WRAP uses for imported material.
func unwrapKWP(kek, wrapped []byte) ([]byte, error) {
	block, err := aes.NewCipher(kek)
	if err != nil || len(wrapped)%8 != 0 || len(wrapped) < 16 || len(wrapped) > kwpMaxWrapped {
		return nil, errKeyWrap
	}
	out := append([]byte{}, wrapped...)
	if len(out) == aes.BlockSize {
		block.Decrypt(out, out)
	} else {
		kwpRounds(block.Decrypt, out)
	}
	iv, key := out[:8], out[8:]
	size := int(binary.BigEndian.Uint32(iv[4:]))
	if subtle.ConstantTimeCompare(iv[:4], []byte(kwpMagic)) != 1 || size > len(key) || size <= len(key)-8 {
		clear(out)
		return nil, errKeyWrap
	}
	padding := key[size:]
	if subtle.ConstantTimeCompare(padding, make([]byte, len(padding))) != 1 {
		clear(out)
		return nil, errKeyWrap
	}
	return key[:size], nil
}

// kwpRounds is the inverse of RFC 3394's wrapping, in place: out[:8] is the register A.
func kwpRounds(decrypt func(dst, src []byte), out []byte) {
	n := len(out)/8 - 1
	var b [aes.BlockSize]byte
	for t := 6 * n; t > 0; t-- {
		r := out[8+(t-1)%n*8:][:8]
		a := binary.BigEndian.Uint64(out) ^ uint64(t)
		binary.BigEndian.PutUint64(b[:], a)
		copy(b[8:], r)
		decrypt(b[:], b[:])
		copy(out, b[:8])
		copy(r, b[8:])
	}
}
