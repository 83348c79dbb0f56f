package ecr_test

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"coffer.example/internal/ecr"
	"coffer.example/internal/ecr/ecrtest"
	"coffer.example/kms"
	"github.com/stretchr/testify/require"
)

var (
	ctx  = context.Background()
	root = ecrtest.Root(ecrtest.Account)
)

func name(repository string) ecr.Name { return ecr.Name{Repository: repository} }

// noise returns n bytes that do not compress.
func noise(seed uint64, n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(b)
	return b
}

func create(t testing.TB, s *ecr.Service, repository, encryption, key string) *ecr.Repository {
	t.Helper()
	r, err := s.CreateRepository(ctx, root, ecr.CreateRepositoryInput{Name: name(repository), Encryption: ecr.Encryption{Type: encryption, Key: key}})
	require.NoError(t, err)
	return r
}

func newKey(t testing.TB, w *ecrtest.World) *kms.KeyMetadata {
	t.Helper()
	key, err := w.Keys.CreateKey(ctx, root, kms.CreateKeyInput{})
	require.NoError(t, err)
	return key
}

// pushLayer pushes content in one part.
func pushLayer(s *ecr.Service, c kms.Caller, repository string, content []byte) error {
	id, err := s.StartUpload(ctx, c, name(repository))
	if err != nil {
		return err
	}
	if _, err := s.Append(ctx, c, name(repository), id, 0, bytes.NewReader(content)); err != nil {
		return err
	}
	_, err = s.CompleteUpload(ctx, c, name(repository), id, ecrtest.Digest(content))
	return err
}

func pullLayer(s *ecr.Service, c kms.Caller, repository, digest string) ([]byte, error) {
	content, err := s.OpenLayer(ctx, c, name(repository), digest)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	var b bytes.Buffer
	err = content.WriteRange(&b, 0, content.Size())
	return b.Bytes(), err
}

// pushImage pushes an image of a config and one layer under a tag, and returns its digest.
func pushImage(t testing.TB, s *ecr.Service, repository, tag string, layer []byte) string {
	t.Helper()
	config := []byte(`{"of":"` + tag + `"}`)
	require.NoError(t, pushLayer(s, root, repository, config))
	require.NoError(t, pushLayer(s, root, repository, layer))
	out, err := s.PutImage(ctx, root, ecr.PutImageInput{Name: name(repository), Content: ecrtest.Manifest(config, layer), Tags: []string{tag}})
	require.NoError(t, err)
	return out.Image.Digest
}

func requireReason(t testing.TB, err error, reason ecr.Reason) *ecr.Error {
	t.Helper()
	var e *ecr.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, reason, e.Reason, err.Error())
	return e
}

// objects returns the names and contents of all objects.
func objects(t testing.TB, w *ecrtest.World) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	var names []string
	require.NoError(t, w.Blobs.List(ctx, "", "", 0, func(name string, _ int64) error { names = append(names, name); return nil }))
	for _, one := range names {
		o, err := w.Blobs.Get(ctx, one)
		require.NoError(t, err)
		content, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
		require.NoError(t, err)
		require.NoError(t, o.Close())
		out[one] = content
	}
	return out
}

// replace changes an object, which only an intruder can.
func replace(t testing.TB, w *ecrtest.World, object string, content []byte) {
	t.Helper()
	require.NoError(t, w.Blobs.Delete(ctx, object))
	require.NoError(t, w.Blobs.Put(ctx, object, func(to io.Writer) error { _, err := to.Write(content); return err }))
}

// records returns the names of all records of the registry.
func records(t testing.TB, w *ecrtest.World) (out []string) {
	t.Helper()
	require.NoError(t, w.Keys.Store().Scan(ctx, "ecr/", "", 0, func(key string, _ []byte, _ uint64) error { out = append(out, key); return nil }))
	return out
}

func withPrefix(list []string, prefix string) (out []string) {
	for _, one := range list {
		if strings.HasPrefix(one, prefix) {
			out = append(out, one)
		}
	}
	return out
}
