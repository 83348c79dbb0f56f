package aead

import (
	"crypto/sha3"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
)

// Vectors of C2SP XAES-256-GCM: one per value of the most significant bit of L.
func TestXAESVectors(t *testing.T) {
	for _, v := range []struct {
		key               byte
		k1, kx, aad, want string
	}{
		{1, "e531954aca063d5b8d9c47a47d4cc6f0",
			"c8612c9ed53fe43e8e005b828a1631a0bbcb6ab2f46514ec4f439fcfd0fa969b", "",
			"ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
		{3, "23810ec50edb99f374409466ed1f4b7b",
			"e9c621d4cdd9b11b00a6427ad7e559aeedd66b3857646677748f8ca796cb3fd8", "c2sp.org/XAES-256-GCM",
			"986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
	} {
		key := make([]byte, 32)
		for i := range key {
			key[i] = v.key
		}
		nonce := []byte("ABCDEFGHIJKLMNOPQRSTUVWX")
		x, err := newXAES(key, []Option{AllowTableAES})
		require.NoError(t, err)
		require.Equal(t, v.k1, hex.EncodeToString(x.k1[:]))
		kx := x.derive('X', nonce)
		require.Equal(t, v.kx, hex.EncodeToString(kx[:]))
		out, err := x.seal(nil, nonce, []byte("XAES-256-GCM"), []byte(v.aad))
		require.NoError(t, err)
		require.Equal(t, v.want, hex.EncodeToString(out))
		back, err := x.open(nil, nonce, out, []byte(v.aad))
		require.NoError(t, err)
		require.Equal(t, "XAES-256-GCM", string(back))
	}
}

func TestXAESAccumulated(t *testing.T) {
	source, sink := sha3.NewSHAKE128(), sha3.NewSHAKE128()
	read := func(n int) []byte {
		b := make([]byte, n)
		source.Read(b)
		return b
	}
	for range 10_000 {
		key, nonce := read(32), read(24)
		plaintext := read(int(read(1)[0]))
		aad := read(int(read(1)[0]))
		x, err := newXAES(key, []Option{AllowTableAES})
		require.NoError(t, err)
		out, err := x.seal(nil, nonce, plaintext, aad)
		require.NoError(t, err)
		sink.Write(out)
		back, err := x.open(nil, nonce, out, aad)
		require.NoError(t, err)
		require.Equal(t, string(plaintext), string(back))
	}
	sum := make([]byte, 32)
	sink.Read(sum)
	require.Equal(t, "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939", hex.EncodeToString(sum))
}
