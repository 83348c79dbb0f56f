package kms

import (
	"bytes"
	"context"
	"crypto/rand"
	mathrand "math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/aead"
	"coffer.example/internal/binfmt"
)

// parseContext is the inverse of canonicalContext, for the fuzz test.
func parseContext(b []byte) (map[string]string, bool) {
	r := binfmt.NewReader(b)
	ec := map[string]string{}
	for n := r.U32(); n > 0 && r.Err() == nil; n-- {
		key := string(r.Bytes32(MaxContextBytes))
		if _, ok := ec[key]; ok {
			return nil, false
		}
		ec[key] = string(r.Bytes32(MaxContextBytes))
	}
	return ec, r.Finish() == nil
}

// FuzzCanonicalContext reads contexts back: the encoding loses nothing, so it is injective.
func FuzzCanonicalContext(f *testing.F) {
	for _, ec := range []map[string]string{nil, {"a": "bc"}, {"ab": "c"}, {"a": "b", "c": ""}, {"": ""}} {
		b, err := canonicalContext(ec)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		ec, ok := parseContext(b)
		if !ok {
			return
		}
		again, err := canonicalContext(ec)
		if err != nil {
			require.ErrorIs(t, err, ErrValidation)
			return
		}
		back, ok := parseContext(again)
		require.True(t, ok)
		require.Equal(t, ec, back)
	})
}

// FuzzSealingRecord checks that what decodes encodes to the same bytes.
func FuzzSealingRecord(f *testing.F) {
	for _, s := range []sealingRecord{
		{state: sealingReady, kind: kindFile, root: []byte("sealed")},
		{state: sealingRotating, kind: kindPassphrase, root: []byte("sealed"), next: []byte("next")},
	} {
		b, err := s.encode()
		require.NoError(f, err)
		f.Add(b)
		f.Add(b[:len(b)-1])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := decodeSealing(b)
		if err != nil {
			return
		}
		again, err := s.encode()
		require.NoError(t, err)
		require.Equal(t, b, again)
	})
}

func FuzzArgonParams(f *testing.F) {
	root := rootPassphrase{[]byte("p"), argonParams{passes: 1, memoryKiB: 8, lanes: 1}}
	d := RootDir{Rand: rand.Reader}
	sealed, err := root.Seal(f.Context(), d, mustSecret(f))
	require.NoError(f, err)
	f.Add(sealed)
	f.Add(bytes.Repeat([]byte{0xff}, 80))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, rest, err := parseArgon(b)
		if err != nil {
			require.ErrorIs(t, err, ErrDamaged)
			return
		}
		require.LessOrEqual(t, a.passes, uint32(argonMaxPasses))
		require.LessOrEqual(t, a.memoryKiB, uint32(argonMaxMemoryKiB))
		require.LessOrEqual(t, len(rest), len(b))
	})
}

func FuzzRootKey(f *testing.F) {
	text, err := NewRootKey(rand.Reader)
	require.NoError(f, err)
	f.Add(text)
	f.Add(text + "\n")
	f.Add(text[:20])
	f.Fuzz(func(t *testing.T, s string) {
		key, err := parseRootKey(s)
		if err != nil {
			require.ErrorIs(t, err, ErrDamagedRoot)
			return
		}
		require.Equal(t, 32, key.Len())
		key.Destroy()
	})
}

func FuzzUUID(f *testing.F) {
	f.Add("1234abcd-12ab-34cd-56ef-1234567890ab")
	f.Add("1234ABCD-12ab-34cd-56ef-1234567890ab")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		if id, ok := parseUUID(s); ok {
			require.Equal(t, s, formatUUID(id))
		}
	})
}

func FuzzRecord(f *testing.F) {
	b, err := encodeRecord(&keyRecord{ID: "x", State: Enabled})
	require.NoError(f, err)
	f.Add(b)
	f.Add([]byte{1, '{', '}'})
	f.Add([]byte{2, '{', '}'})
	f.Fuzz(func(t *testing.T, b []byte) {
		var rec keyRecord
		if err := decodeRecord(b, &rec); err != nil {
			return
		}
		_, err := encodeRecord(&rec)
		require.NoError(t, err)
	})
}

func FuzzKWP(f *testing.F) {
	f.Add(make([]byte, 32), make([]byte, 40))
	f.Add(make([]byte, 32), make([]byte, 16))
	f.Fuzz(func(t *testing.T, kek, wrapped []byte) {
		if b, err := unwrapKWP(kek, wrapped); err == nil {
			require.NotEmpty(t, b)
		}
	})
}

func FuzzParentRoot(f *testing.F) {
	// The same bytes in every process of the fuzzer.
	d := RootDir{Rand: mathrand.NewChaCha8([32]byte{})}
	root := rootParent{parent: echoParent{}, keyID: "k"}
	sealed, err := root.Seal(f.Context(), d, aead.NewSecret(bytes.Repeat([]byte{1}, aead.KeySize)))
	require.NoError(f, err)
	f.Add(sealed)
	f.Add(sealed[:len(sealed)-1])
	f.Fuzz(func(t *testing.T, b []byte) {
		secret, err := root.Open(t.Context(), d, b)
		if err != nil {
			return
		}
		require.Equal(t, sealed, b, "only what was sealed opens")
		secret.Destroy()
	})
}

// echoParent is a parent whose blobs are the plaintext.
type echoParent struct{}

func (echoParent) Encrypt(_ context.Context, _ string, plaintext []byte, _ map[string]string) ([]byte, string, error) {
	return bytes.Clone(plaintext), "arn", nil
}

func (echoParent) Decrypt(_ context.Context, keyARN string, blob []byte, _ map[string]string) ([]byte, error) {
	if keyARN != "arn" {
		return nil, ErrIncorrectKey
	}
	return bytes.Clone(blob), nil
}
