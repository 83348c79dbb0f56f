package aead

import (
	"crypto/sha256"
	"math/big"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSetHashAgainstBig compares with integers modulo 2^256, carries included.
func TestSetHashAgainstBig(t *testing.T) {
	modulus := new(big.Int).Lsh(big.NewInt(1), 256)
	r := rand.New(rand.NewPCG(1, 2))
	var s SetHash
	want := new(big.Int)
	for i := range 20_000 {
		var m [32]byte
		for j := range m {
			// Words of all ones and all zeros make long carries.
			m[j] = []byte{0, 0xFF, byte(r.Uint32())}[r.IntN(3)]
		}
		v := new(big.Int).SetBytes(m[:])
		if r.IntN(2) == 0 {
			s.Add(m)
			want.Add(want, v)
		} else {
			s.Sub(m)
			want.Sub(want, v)
		}
		want.Mod(want, modulus)
		require.Zero(t, want.Cmp(new(big.Int).SetBytes(s[:])), "step %d", i)
	}
}

func TestSetHashIsASet(t *testing.T) {
	a, b := sha256.Sum256([]byte("a")), sha256.Sum256([]byte("b"))
	var ab, ba SetHash
	ab.Add(a)
	ab.Add(b)
	ba.Add(b)
	ba.Add(a)
	require.Equal(t, ab, ba)
	ab.Sub(a)
	ab.Sub(b)
	require.Zero(t, ab)
}

func TestMACKeyConcurrent(t *testing.T) {
	k := testDataKey(t).IndexKey()
	want := k.Sum([]byte("message"))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 500 {
				if !k.VerifySum([]byte("message"), want[:]) || k.VerifySum([]byte("massage"), want[:]) {
					t.Error("concurrent sums disagree")
				}
			}
		})
	}
	wg.Wait()
	require.True(t, k.VerifyTag([]byte("message"), want[:TagSize]))
	require.False(t, k.VerifyTag([]byte("message"), want[:TagSize-1]))
	require.False(t, k.VerifyTag([]byte("message"), nil))
}
