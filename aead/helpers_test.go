package aead

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// hexBytes is bytes that JSON holds as hexadecimal digits.
type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

func readJSON(t testing.TB, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, v))
}

// counting is a source of "randomness" that gives start, start+1, …
type counting byte

func (c *counting) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(*c)
		*c++
	}
	return len(p), nil
}

func fill(start byte, n int) []byte {
	b := make([]byte, n)
	c := counting(start)
	c.Read(b)
	return b
}

func testDataKey(t testing.TB) *DataKey {
	t.Helper()
	k, err := NewDataKey(new(counting))
	require.NoError(t, err)
	t.Cleanup(k.Destroy)
	return k
}

func testWrappingKey(t testing.TB, s WrapSuite) *WrappingKey {
	t.Helper()
	k, err := NewWrappingKey(WrapHeader{ID(fill(0x10, 16)), [32]byte(fill(0x20, 32))}, NewSecret(fill(9, 32)), AllowTableAES)
	require.NoError(t, err)
	k.suite = s
	return k
}

func testRecordKey(t testing.TB, s WrapSuite) *RecordKey {
	t.Helper()
	k, err := NewRecordKey(NewSecret(fill(7, 32)), AllowTableAES)
	require.NoError(t, err)
	k.suite = s
	return k
}

var wrapSuites = []WrapSuite{WrapXAES256GCM, WrapXChaCha20Poly1305}
var suites = []Suite{SuiteAES256GCM, SuiteChaCha20Poly1305}
