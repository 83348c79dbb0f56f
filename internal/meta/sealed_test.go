package meta_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/aead"
	"coffer.example/internal/meta"
	"coffer.example/internal/meta/memmeta"
	"coffer.example/internal/meta/metatest"
)

func recordKey(t testing.TB, b byte) *aead.RecordKey {
	k, err := aead.NewRecordKey(aead.NewSecret(bytes.Repeat([]byte{b}, 32)))
	require.NoError(t, err)
	return k
}

func TestSealedConformance(t *testing.T) {
	key := recordKey(t, 1)
	metatest.Run(t, func(*testing.T) meta.Store { return meta.Sealed(memmeta.New(), key, rand.Reader) })
}

func TestSealedHidesAndBinds(t *testing.T) {
	ctx := context.Background()
	inner := memmeta.New()
	s := meta.Sealed(inner, recordKey(t, 1), rand.Reader)
	metatest.Put(t, s, "a", "plaintext")
	metatest.Put(t, s, "b", "other")
	raw, _, err := inner.Get(ctx, "a")
	require.NoError(t, err)
	require.NotContains(t, string(raw), "plaintext")

	tampered := map[string][]byte{"moved": raw, "short": raw[:3], "none": {}}
	for i := range raw {
		b := bytes.Clone(raw)
		b[i] ^= 1
		tampered["a"] = b
		require.NoError(t, inner.Commit(ctx, nil, tampered))
		for key := range tampered {
			_, _, err := s.Get(ctx, key)
			require.ErrorIs(t, err, meta.ErrCorrupt)
			require.ErrorContains(t, err, key)
		}
		require.ErrorIs(t, s.Scan(ctx, "a", "", 0, func(string, []byte, uint64) error { return nil }), meta.ErrCorrupt)
	}
	v, _, err := s.Get(ctx, "b")
	require.NoError(t, err)
	require.Equal(t, "other", string(v))
}

func TestSealedUnderAnotherKey(t *testing.T) {
	ctx := context.Background()
	inner := memmeta.New()
	metatest.Put(t, meta.Sealed(inner, recordKey(t, 1), rand.Reader), "a", "1")
	_, _, err := meta.Sealed(inner, recordKey(t, 2), rand.Reader).Get(ctx, "a")
	require.ErrorIs(t, err, meta.ErrCorrupt)
}

// FuzzSealedGet feeds arbitrary stored bytes to a sealed store: only what it sealed opens.
func FuzzSealedGet(f *testing.F) {
	key := recordKey(f, 1)
	good, err := key.Seal(rand.Reader, nil, []byte("v"), []byte("k"))
	require.NoError(f, err)
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		inner := memmeta.New()
		if raw == nil {
			raw = []byte{}
		}
		if inner.Commit(context.Background(), nil, map[string][]byte{"k": raw}) != nil {
			return
		}
		v, _, err := meta.Sealed(inner, key, rand.Reader).Get(context.Background(), "k")
		if bytes.Equal(raw, good) {
			require.NoError(t, err)
			require.Equal(t, "v", string(v))
			return
		}
		require.ErrorIs(t, err, meta.ErrCorrupt)
	})
}
