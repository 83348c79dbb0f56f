package bench

import (
	"bytes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"coffer.example/aead"
)

// knownAnswer is what a suite must give in every process before it is timed there.
// The digests come from testdata/knownanswers.py, another implementation; the tag is
// the second block of aead/testdata/formats.json.
type knownAnswer struct {
	suite  aead.Suite
	digest string // SHA-256 of the sealed messages of every length of answerLengths
	tag    string // of one block under a derived session key
}

func knownAnswers() []knownAnswer {
	return []knownAnswer{
		{aead.SuiteAES256GCM, "8f2627e05d68370c478a31448577db8c8ad2a20349dd24e60a0dac51a97afca9", "3bc46b13c9d413a88e1fafb1ca6dc364"},
		{aead.SuiteChaCha20Poly1305, "4b92278127552f5172663303310bc922d99bc74f4e76958cd2676bc39cfa08be", "716e7445e847f1ba3ba4da14b9afea38"},
	}
}

// answerLengths reaches every tail of the assembly's 8- and 16-block loops.
func answerLengths() []int {
	var n []int
	for i := range 521 {
		n = append(n, i)
	}
	return append(n, 4096, 65537)
}

// KnownAnswers checks both suites in this process, on whatever path the CPU features
// in effect select, and returns how many answers were right.
func KnownAnswers() (count int, err error) {
	for _, k := range knownAnswers() {
		n, err := k.check()
		if count += n; err != nil {
			return count, fmt.Errorf("%w: %v: %w", ErrKnownAnswer, k.suite, err)
		}
	}
	return count, nil
}

func (k knownAnswer) check() (count int, err error) {
	a, err := bareAEAD(k.suite, sequential(0, 32))
	if err != nil {
		return 0, err
	}
	digest := sha256.New()
	pattern := make([]byte, 65537)
	for i := range pattern {
		pattern[i] = byte(7*i + i>>8)
	}
	for _, n := range answerLengths() {
		sealed, err := sealAndOpen(a, pattern[:n])
		if err != nil {
			return count, fmt.Errorf("%d bytes: %w", n, err)
		}
		digest.Write(sealed)
		count++
	}
	if got := hex.EncodeToString(digest.Sum(nil)); got != k.digest {
		return 0, fmt.Errorf("digest %s, want %s", got, k.digest)
	}
	if err := k.checkBlock(); err != nil {
		return count, err
	}
	return count + 1, nil
}

// sealAndOpen seals, opens, and sees a flipped bit refused.
func sealAndOpen(a cipher.AEAD, plaintext []byte) ([]byte, error) {
	nonce := binary.BigEndian.AppendUint64(make([]byte, 4), uint64(len(plaintext)))
	aad := append([]byte("coffer bench"), make([]byte, len(plaintext)%41)...)
	sealed := a.Seal(nil, nonce, plaintext, aad)
	out, err := a.Open(nil, nonce, sealed, aad)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(out, plaintext) {
		return nil, fmt.Errorf("opened to other bytes")
	}
	sealed[len(plaintext)/2] ^= 0x10
	if _, err := a.Open(nil, nonce, sealed, aad); err == nil {
		return nil, fmt.Errorf("a changed message opened")
	}
	sealed[len(plaintext)/2] ^= 0x10
	return sealed, nil
}

func (k knownAnswer) checkBlock() error {
	dek, err := aead.DataKeyFromSecret(aead.NewSecret(sequential(0, aead.VolumeDataKeySize)))
	if err != nil {
		return err
	}
	defer dek.Destroy()
	s, err := dek.Session(k.suite, sequential(64, aead.SaltSize), aead.ID(sequential(0xA0, 16)), aead.ID(sequential(0xB0, 16)), aead.AllowTableAES)
	if err != nil {
		return err
	}
	sealed := s.SealBlock(new(aead.Scratch), nil, sequential(0, aead.BlockSize), 1<<40+5, 1<<63+7)
	if got := hex.EncodeToString(sealed[aead.BlockSize:]); got != k.tag {
		return fmt.Errorf("block tag %s, want %s", got, k.tag)
	}
	return nil
}

// sequential returns n bytes that count up from start.
func sequential(start byte, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = start + byte(i)
	}
	return b
}
