package aead

import (
	"crypto/hkdf"
	"crypto/sha256"
	"testing"

	"github.com/stretchr/testify/require"
)

type wycheproof[T any] struct {
	TestGroups []struct {
		IVSize, KeySize, TagSize int
		Tests                    []T
	}
}

type wycheproofAEAD struct {
	TcID                       int
	Key, IV, AAD, Msg, CT, Tag hexBytes
	Result                     string
}

// TestWycheproofAEAD runs the vectors with the one nonce and tag size that coffer uses.
func TestWycheproofAEAD(t *testing.T) {
	for _, file := range []struct {
		path  string
		suite Suite
		count int
	}{
		{"testdata/wycheproof/aes_gcm_test.json", SuiteAES256GCM, 66},
		{"testdata/wycheproof/chacha20_poly1305_test.json", SuiteChaCha20Poly1305, 316},
	} {
		var f wycheproof[wycheproofAEAD]
		readJSON(t, file.path, &f)
		count := 0
		for _, g := range f.TestGroups {
			if g.IVSize != 96 || g.KeySize != 256 || g.TagSize != 128 {
				continue
			}
			for _, v := range g.Tests {
				count++
				a, err := file.suite.newAEAD(v.Key, []Option{AllowTableAES})
				require.NoError(t, err)
				sealed := append(append([]byte(nil), v.CT...), v.Tag...)
				out, err := a.Open(nil, v.IV, sealed, v.AAD)
				if v.Result == "invalid" {
					require.Error(t, err, "%s %d", file.path, v.TcID)
					continue
				}
				require.NoError(t, err, "%s %d", file.path, v.TcID)
				require.Equal(t, string(v.Msg), string(out))
				require.Equal(t, sealed, a.Seal(nil, v.IV, v.Msg, v.AAD))
			}
		}
		require.Equal(t, file.count, count, file.path)
	}
}

func TestWycheproofHKDF(t *testing.T) {
	var f wycheproof[struct {
		TcID, Size           int
		IKM, Salt, Info, OKM hexBytes
		Result               string
	}]
	readJSON(t, "testdata/wycheproof/hkdf_sha256_test.json", &f)
	count, ours := 0, 0
	for _, g := range f.TestGroups {
		for _, v := range g.Tests {
			count++
			out, err := hkdf.Key(sha256.New, v.IKM, v.Salt, string(v.Info), v.Size)
			if v.Result == "invalid" {
				require.Error(t, err)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, string(v.OKM), string(out), v.TcID)
			if v.Size >= KeySize {
				ours++
				require.Equal(t, string(v.OKM[:KeySize]), string(expand(v.IKM, v.Salt, string(v.Info))))
			}
		}
	}
	require.Equal(t, 86, count)
	require.NotZero(t, ours)
}

func TestWycheproofHMAC(t *testing.T) {
	var f wycheproof[struct {
		TcID          int
		Key, Msg, Tag hexBytes
		Result        string
	}]
	readJSON(t, "testdata/wycheproof/hmac_sha256_test.json", &f)
	count := 0
	for _, g := range f.TestGroups {
		for _, v := range g.Tests {
			count++
			k := newMACKey(v.Key)
			verify := k.VerifyTag
			if g.TagSize == 256 {
				verify = k.VerifySum
			}
			require.Equal(t, v.Result == "valid", verify(v.Msg, v.Tag), v.TcID)
		}
	}
	require.Equal(t, 174, count)
}
