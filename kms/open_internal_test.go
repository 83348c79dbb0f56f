package kms

import (
	"crypto/rand"
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/aead"
)

func mustSecret(t testing.TB) *aead.Secret {
	b := make([]byte, aead.KeySize)
	_, err := rand.Read(b)
	require.NoError(t, err)
	return aead.NewSecret(b)
}

// TestArgonBounds refuses parameters that would cost all memory or all day before it uses them.
func TestArgonBounds(t *testing.T) {
	root := rootPassphrase{[]byte("p"), argonParams{passes: 1, memoryKiB: 8, lanes: 1}}
	d := RootDir{Path: "dir", Rand: rand.Reader}
	secret := mustSecret(t)
	sealed, err := root.Seal(t.Context(), d, secret)
	require.NoError(t, err)
	again, err := root.Open(t.Context(), d, sealed)
	require.NoError(t, err)
	require.True(t, secret.Equal(again))
	for name, at := range map[string]int{"passes": 0, "memory": 4, "lanes": 8} {
		bad := append([]byte{}, sealed...)
		bad[at] = 0xff
		_, err := root.Open(t.Context(), d, bad)
		require.ErrorIs(t, err, ErrDamaged, name)
	}
	other := d
	other.Store[0] = 1
	_, err = root.Open(t.Context(), other, sealed)
	require.ErrorIs(t, err, ErrWrongRoot, "sealed bytes belong to their directory")
}

// TestMaterialIsBound moves wrapped material to other places: it opens in its own only.
func TestMaterialIsBound(t *testing.T) {
	key, err := aead.NewRecordKey(mustSecret(t))
	require.NoError(t, err)
	k := &KMS{o: Options{}.withDefaults(), materialKey: key}
	rec := keyRecord{ID: "id", Account: "111122223333", Region: "us-east-1"}
	secret := mustSecret(t)
	m := &materialRecord{ID: "m"}
	m.Sealed, err = k.sealMaterial(&rec, m.ID, secret)
	require.NoError(t, err)
	got, err := k.openMaterial(&rec, m)
	require.NoError(t, err)
	require.True(t, secret.Equal(got))
	for name, change := range map[string]func(*keyRecord, *materialRecord){
		"account":  func(r *keyRecord, _ *materialRecord) { r.Account = "999988887777" },
		"Region":   func(r *keyRecord, _ *materialRecord) { r.Region = "eu-west-1" },
		"key":      func(r *keyRecord, _ *materialRecord) { r.ID = "other" },
		"material": func(_ *keyRecord, m *materialRecord) { m.ID = "other" },
		"bytes":    func(_ *keyRecord, m *materialRecord) { m.Sealed = append([]byte{}, m.Sealed...); m.Sealed[30] ^= 1 },
	} {
		r, n := rec, *m
		change(&r, &n)
		_, err := k.openMaterial(&r, &n)
		require.ErrorIs(t, err, ErrDamaged, name)
	}
}

// TestCacheIsBounded checks cost, order of eviction and changes.
func TestCacheIsBounded(t *testing.T) {
	c := newCache[int, int](3)
	loads := 0
	get := func(key int) int {
		v, err := c.get(key, func() (int, int, error) { loads++; return key * 10, 1, nil })
		require.NoError(t, err)
		return v
	}
	for _, key := range []int{1, 2, 3, 1, 4} { // 2 is the least recently used
		require.Equal(t, key*10, get(key))
	}
	require.Equal(t, 4, loads)
	get(1)
	require.Equal(t, 4, loads)
	get(2)
	require.Equal(t, 5, loads)
	require.Len(t, c.entries, 3)

	end := c.begin(1)
	get(1)
	get(1)
	require.Equal(t, 7, loads, "not cached during a change")
	end()
	get(1)
	get(1)
	require.Equal(t, 8, loads)
	require.Empty(t, c.dirty)

	// What was loaded before a change is not stored after it.
	_, err := c.get(9, func() (int, int, error) { c.begin(9)(); return 90, 1, nil })
	require.NoError(t, err)
	require.NotContains(t, c.entries, 9)
	c.drop()
	require.Zero(t, c.cost)
	_, err = c.get(5, func() (int, int, error) { return 0, 4, nil })
	require.NoError(t, err)
	require.Empty(t, c.entries, "too large to keep")
}
