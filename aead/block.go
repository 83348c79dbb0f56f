package aead

import (
	"crypto/cipher"
	"encoding/binary"
)

// aadSize is format(1) ‖ store(16) ‖ volume(16) ‖ block(8) ‖ sequence(8).
const aadSize = 1 + 16 + 16 + 8 + 8

// Session seals and opens the blocks of one write session. It is safe for
// concurrent use; each goroutine brings its own Scratch.
type Session struct {
	aead   cipher.AEAD
	prefix [1 + 16 + 16]byte
}

// Scratch holds a nonce and an AAD so that sealing a block allocates nothing. It
// belongs to one goroutine at a time.
type Scratch struct {
	nonce [NonceSize]byte
	aad   [aadSize]byte
}

func newSession(a cipher.AEAD, store, volume ID) *Session {
	s := &Session{aead: a}
	s.prefix[0] = FormatVersion
	copy(s.prefix[1:], store[:])
	copy(s.prefix[17:], volume[:])
	return s
}

func (s *Session) bind(sc *Scratch, block, sequence uint64) {
	// The nonce cannot repeat: sequence only rises while a store runs, and a store
	// that is opened again uses other salts, hence other session keys.
	binary.BigEndian.PutUint64(sc.nonce[4:], sequence)
	copy(sc.aad[:], s.prefix[:])
	binary.BigEndian.PutUint64(sc.aad[33:], block)
	binary.BigEndian.PutUint64(sc.aad[41:], sequence)
}

// SealBlock appends the ciphertext of a block and its tag to dst. plaintext is
// normally BlockSize bytes; it may be dst's own storage (dst = plaintext[:0]) but
// must not overlap it otherwise. With enough capacity in dst it does not allocate.
// The caller never seals two blocks of a session under one sequence.
func (s *Session) SealBlock(sc *Scratch, dst, plaintext []byte, block, sequence uint64) []byte {
	s.bind(sc, block, sequence)
	return s.aead.Seal(dst, sc.nonce[:], plaintext, sc.aad[:])
}

// OpenBlock appends the plaintext of a block to dst. sealed is ciphertext ‖ tag and
// may be dst's own storage (dst = sealed[:0]). On failure it returns ErrOpen and the
// output is cleared: with dst = sealed[:0] the ciphertext is lost.
func (s *Session) OpenBlock(sc *Scratch, dst, sealed []byte, block, sequence uint64) ([]byte, error) {
	s.bind(sc, block, sequence)
	out, err := s.aead.Open(dst, sc.nonce[:], sealed, sc.aad[:])
	if err != nil {
		return nil, ErrOpen
	}
	return out, nil
}
