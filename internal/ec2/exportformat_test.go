package ec2

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzExportHeader: what decodes encodes to the same bytes again.
func FuzzExportHeader(f *testing.F) {
	good, err := (&exportHeader{key: "arn:aws:kms:us-east-1:111122223333:key/k", wrapped: []byte{1, 2, 3}}).encode()
	require.NoError(f, err)
	f.Add(good)
	f.Add(append(good[:len(good):len(good)], "what follows"...))
	f.Add(good[:12])
	f.Add([]byte("COFFERSX\x00\x02"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, n, err := decodeExport(b)
		if err != nil {
			require.ErrorIs(t, err, ErrExport)
			return
		}
		again, err := h.encode()
		require.NoError(t, err)
		require.Equal(t, b[:n], again)
	})
}
