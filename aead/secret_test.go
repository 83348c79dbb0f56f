package aead

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNothingPrintsAKey formats every key type, by value and by pointer, bare and
// inside a struct, with every verb, and looks for the bytes in the usual spellings.
func TestNothingPrintsAKey(t *testing.T) {
	const key = "0123456789abcdefFEDCBA9876543210"
	secret := NewSecret([]byte(key))
	dek := &DataKey{NewSecret([]byte(key + key))}
	record, err := NewRecordKey(NewSecret([]byte(key)))
	require.NoError(t, err)
	wrapping, err := NewWrappingKey(WrapHeader{}, secret)
	require.NoError(t, err)
	type holder struct {
		Public  *Secret
		private *Secret
		value   Secret
		Value   Secret
		dek     DataKey
	}
	values := []any{secret, *secret, dek, *dek, record, wrapping, MACKeyFromSecret(secret), dek.IndexKey(),
		holder{secret, secret, *secret, *secret, *dek}, &holder{secret, secret, *secret, *secret, *dek},
		[]*Secret{secret}, map[string]*Secret{"k": secret}, []Secret{*secret}}

	decimal := strings.Trim(fmt.Sprint([]byte(key)[:6]), "[]")
	goSyntax := "0x30, 0x31, 0x32, 0x33"
	leaks := []string{key[:6], hex.EncodeToString([]byte(key))[:12], strings.ToUpper(hex.EncodeToString([]byte(key)))[:12], decimal, goSyntax, "MDEyMzQ1"}
	check := func(what, text string) {
		for _, l := range leaks {
			require.NotContains(t, text, l, what)
		}
	}
	for i, v := range values {
		for _, verb := range "vTtbcdoOqxXUeEfFgGsp" {
			for _, flag := range []string{"", "+", "#", " ", "0", "-", "+#"} {
				format := "%" + flag + string(verb)
				check(fmt.Sprintf("value %d %s", i, format), fmt.Sprintf(format, v))
			}
		}
		j, err := json.Marshal(v)
		require.NoError(t, err)
		check("JSON", string(j))
		var log strings.Builder
		slog.New(slog.NewTextHandler(&log, nil)).Info("m", "v", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "v", v)
		check("slog", log.String())
	}
	require.Equal(t, redacted, fmt.Sprint(secret))
	require.Equal(t, `"[redacted]"`, string(must(json.Marshal(secret))))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestSecretLifetime(t *testing.T) {
	b := fill(1, 40)
	s := NewSecret(b)
	require.Equal(t, make([]byte, 40), b, "the source is cleared")
	c := s.Clone()
	require.True(t, s.Equal(c))
	s.Destroy()
	s.Destroy()
	require.Zero(t, s.Len())
	require.Equal(t, fill(1, 40), c.Bytes())
	require.False(t, s.Equal(c))
	c.Destroy()

	var none *Secret
	none.Destroy()
	require.Zero(t, none.Len())
	require.Zero(t, none.Clone().Len())
	require.Zero(t, NewSecret(nil).Len())
}

func TestDeriveSecretSeparatesLabels(t *testing.T) {
	root := NewSecret(fill(0, 32))
	seen := map[string]string{}
	for _, label := range []string{LabelMetadata, LabelMaterial, LabelToken, LabelAudit, LabelSuperblock, LabelStoreWrap,
		labelIndex, labelHeader, labelView, labelAnchor, labelCommitment, labelWrapXAES, labelWrapXChaCha,
		labelWrapCommitment, labelRecordXAES, labelRecordXChaCha, labelSession, labelStream} {
		k := string(DeriveSecret(root, label).Bytes())
		require.Empty(t, seen[k], label)
		seen[k] = label
	}
}
