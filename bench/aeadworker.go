package bench

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"

	"coffer.example/aead"
)

// ringBytes is how much plaintext one worker goes round: it fits a core's second-level
// cache, and its operations are one Run.
const ringBytes = 256 << 10

// bareAEAD is the yardstick: the cipher itself, called as directly as Go allows.
func bareAEAD(s aead.Suite, key []byte) (cipher.AEAD, error) {
	if s == aead.SuiteChaCha20Poly1305 {
		return chacha20poly1305.New(key)
	}
	b, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(b)
}

// sealer is what a worker times: one message sealed or opened under a number that it
// uses once.
type sealer interface {
	seal(dst, plaintext []byte, number uint64) []byte
	open(dst, sealed []byte, number uint64) error
}

// blockSealer is coffer's own code for blocks.
type blockSealer struct {
	session *aead.Session
	scratch aead.Scratch
}

func newBlockSealer(s aead.Suite) (*blockSealer, error) {
	dek, err := aead.NewDataKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	defer dek.Destroy()
	salt := make([]byte, aead.SaltSize)
	if _, err := rand.Read(salt); err != nil {
		return nil, err
	}
	session, err := dek.Session(s, salt, aead.ID{1}, aead.ID{2}, aead.AllowTableAES) // to be measured, not to be used
	if err != nil {
		return nil, err
	}
	return &blockSealer{session: session}, nil
}

func (b *blockSealer) seal(dst, plaintext []byte, number uint64) []byte {
	return b.session.SealBlock(&b.scratch, dst, plaintext, number, number)
}

func (b *blockSealer) open(dst, sealed []byte, number uint64) error {
	_, err := b.session.OpenBlock(&b.scratch, dst, sealed, number, number)
	return err
}

// bareSealer is crypto/cipher with a counter nonce and 16 bytes of AAD.
type bareSealer struct {
	aead  cipher.AEAD
	nonce [12]byte
	aad   [16]byte
}

func newBareSealer(s aead.Suite) (*bareSealer, error) {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	a, err := bareAEAD(s, key)
	if err != nil {
		return nil, err
	}
	return &bareSealer{aead: a}, nil
}

func (b *bareSealer) seal(dst, plaintext []byte, number uint64) []byte {
	binary.BigEndian.PutUint64(b.nonce[4:], number)
	return b.aead.Seal(dst, b.nonce[:], plaintext, b.aad[:])
}

func (b *bareSealer) open(dst, sealed []byte, number uint64) error {
	binary.BigEndian.PutUint64(b.nonce[4:], number)
	_, err := b.aead.Open(dst, b.nonce[:], sealed, b.aad[:])
	return err
}

// newWorker returns the worker of a case: one Run goes once round its ring.
func (c aeadCase) newWorker() (Worker, error) {
	var s sealer
	var err error
	if c.bare {
		s, err = newBareSealer(c.suite)
	} else {
		s, err = newBlockSealer(c.suite)
	}
	if err != nil {
		return Worker{}, err
	}
	n := max(1, ringBytes/c.size)
	from, to := newRing(n, c.size), newRing(n, c.size)
	number := uint64(n)
	seal := func(dst [][]byte) func() error {
		return func() error {
			for i, p := range from {
				number++
				s.seal(dst[i][:0], p[:c.size], number)
			}
			return nil
		}
	}
	switch {
	case c.op == opSeal && c.inPlace:
		return Worker{Run: seal(from), Batch: n}, nil
	case c.op == opSeal:
		return Worker{Run: seal(to), Batch: n}, nil
	}
	for i := range from {
		from[i] = s.seal(from[i][:0], from[i][:c.size], uint64(i))
	}
	w := Worker{Batch: n}
	if c.inPlace {
		w.Reset = func() { // opening in place leaves plaintext: put the ciphertext back
			for i := range from {
				copy(to[i][:cap(to[i])], from[i])
			}
		}
		w.Run = open(s, to, to)
	} else {
		w.Run = open(s, to, from)
	}
	return w, nil
}

// open opens every message of a ring into dst.
func open(s sealer, dst, sealed [][]byte) func() error {
	return func() error {
		for i := range sealed {
			if err := s.open(dst[i][:0], sealed[i][:cap(sealed[i])], uint64(i)); err != nil {
				return fmt.Errorf("opening message %d: %w", i, err)
			}
		}
		return nil
	}
}

// newRing returns n buffers with room for a sealed message of size plaintext bytes.
func newRing(n, size int) [][]byte {
	stride := size + aead.TagSize
	memory := make([]byte, n*stride)
	ring := make([][]byte, n)
	for i := range ring {
		ring[i] = memory[i*stride : i*stride+size : (i+1)*stride]
	}
	return ring
}
