package kms

import (
	"crypto/hmac"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// vectors reads a Wycheproof file.
func vectors[G any](t *testing.T, name string) (groups []G) {
	t.Helper()
	b, err := os.ReadFile("testdata/wycheproof/" + name)
	require.NoError(t, err)
	var f struct {
		TestGroups []G `json:"testGroups"`
	}
	require.NoError(t, json.Unmarshal(b, &f))
	require.NotEmpty(t, f.TestGroups)
	return f.TestGroups
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

type wycheproofCase struct {
	ID      int    `json:"tcId"`
	Comment string `json:"comment"`
	Key     string `json:"key"`
	Msg     string `json:"msg"`
	CT      string `json:"ct"`
	Label   string `json:"label"`
	Tag     string `json:"tag"`
	Result  string `json:"result"`
}

func TestKWPVectors(t *testing.T) {
	ran := 0
	for _, g := range vectors[struct{ Tests []wycheproofCase }](t, "aes_kwp_test.json") {
		for _, c := range g.Tests {
			ct := unhex(t, c.CT)
			got, err := unwrapKWP(unhex(t, c.Key), ct)
			if c.Result != "valid" || len(ct) > kwpMaxWrapped {
				require.ErrorIs(t, err, errKeyWrap, "%d %s", c.ID, c.Comment)
				continue
			}
			require.NoError(t, err, "%d %s", c.ID, c.Comment)
			require.Equal(t, c.Msg, hex.EncodeToString(got))
			ran++
		}
	}
	require.Greater(t, ran, 50)
}

func TestOAEPVectors(t *testing.T) {
	ran := 0
	for _, g := range vectors[struct {
		PrivateKeyPKCS8 string `json:"privateKeyPkcs8"`
		Tests           []wycheproofCase
	}](t, "rsa_oaep_2048_sha256_mgf1sha256_test.json") {
		key, err := x509.ParsePKCS8PrivateKey(unhex(t, g.PrivateKeyPKCS8))
		require.NoError(t, err)
		tok := &importToken{algorithm: "RSAES_OAEP_SHA_256", private: key.(*rsa.PrivateKey)}
		for _, c := range g.Tests {
			if c.Label != "" {
				continue // KMS uses none
			}
			got, err := tok.unwrap(unhex(t, c.CT))
			if c.Result != "valid" {
				require.ErrorIs(t, err, ErrInvalidCiphertext, "%d %s", c.ID, c.Comment)
				continue
			}
			require.NoError(t, err, "%d %s", c.ID, c.Comment)
			require.Equal(t, c.Msg, hex.EncodeToString(got.Bytes()))
			got.Destroy()
			ran++
		}
	}
	require.Greater(t, ran, 5)
}

func TestHMACVectors(t *testing.T) {
	for _, m := range macSpecs() {
		name := map[string]string{"HMAC_224": "hmac_sha224_test.json", "HMAC_256": "hmac_sha256_test.json",
			"HMAC_384": "hmac_sha384_test.json", "HMAC_512": "hmac_sha512_test.json"}[m.spec]
		for _, g := range vectors[struct {
			TagSize int `json:"tagSize"`
			Tests   []wycheproofCase
		}](t, name) {
			for _, c := range g.Tests {
				h := hmac.New(macHash(m.spec), unhex(t, c.Key))
				h.Write(unhex(t, c.Msg))
				got := hex.EncodeToString(h.Sum(nil)[:g.TagSize/8])
				require.Equal(t, c.Result == "valid", got == c.Tag, "%s %d", m.spec, c.ID)
			}
		}
	}
}
