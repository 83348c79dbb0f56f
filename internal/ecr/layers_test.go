package ecr

import (
	"bytes"
	"crypto/rand"
	"io"
	"testing"

	"coffer.example/aead"
	"coffer.example/internal/blob/memblob"
	"github.com/stretchr/testify/require"
)

func drawKey(t *testing.T) *aead.Secret {
	t.Helper()
	raw := make([]byte, 32)
	_, err := rand.Read(raw)
	require.NoError(t, err)
	return aead.NewSecret(raw)
}

// Of the two layers of KMS_DSSE neither key opens the content alone: the outer one shows the inner one's ciphertext,
// the inner one nothing at all, and a wrong key in either place is found out.
func TestEitherKeyAloneIsUseless(t *testing.T) {
	s := &Service{blobs: memblob.New(), rand: rand.Reader}
	both := &contentKeys{kms: drawKey(t), service: drawKey(t)}
	content := bytes.Repeat([]byte("content of the layer "), 10_000)
	name := segmentName("repo", "object", 0, "run")
	require.NoError(t, s.putSegment(t.Context(), both, name, func(w io.Writer) error { _, err := w.Write(content); return err }))
	size := int64(len(content))
	open := func(keys *contentKeys) ([]byte, error) {
		object, err := s.blobs.Get(t.Context(), name)
		require.NoError(t, err)
		defer object.Close()
		reader, err := openLayers(object, keys, name)
		if err != nil {
			return nil, err
		}
		return io.ReadAll(io.NewSectionReader(reader, 0, reader.Size()))
	}
	got, err := open(both)
	require.NoError(t, err)
	require.Equal(t, content, got)

	outer, err := open(&contentKeys{service: both.service})
	require.NoError(t, err)
	require.Len(t, outer, int(sealedSize(size, 1)), "what it opens is sealed once more")
	require.NotContains(t, string(outer), "content of the layer")
	_, err = open(&contentKeys{kms: both.kms})
	require.Error(t, err)
	_, err = open(&contentKeys{kms: drawKey(t), service: both.service})
	require.Error(t, err)
	_, err = open(&contentKeys{kms: both.kms, service: drawKey(t)})
	require.Error(t, err)
	_, err = open(&contentKeys{kms: both.service, service: both.kms})
	require.Error(t, err, "the layers cannot be taken for one another")
}
