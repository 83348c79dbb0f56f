package ocitest

import (
	"bytes"
	"crypto/rand"
	"io"
	"log"
	"net/http"
	"strings"
	"testing"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/awsapi/awsapitest"
	"coffer.example/internal/awsapi/ociapi"
	"coffer.example/internal/blob/dirblob"
	"coffer.example/internal/ecr"
	"coffer.example/internal/ecr/ecrtest"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/stretchr/testify/require"
)

// BenchmarkLayer pushes and pulls a layer over HTTP: at the registry of go-containerregistry, which keeps plain files
// and does not sync them, and at ours. `coffer bench ecr` compares with a registry that syncs as ours does.
func BenchmarkLayer(b *testing.B) {
	const size = 128 << 20
	layer := make([]byte, size)
	_, err := rand.Read(layer)
	require.NoError(b, err)
	digest := ecrtest.Digest(layer)
	bare := registry.New(registry.WithBlobHandler(registry.NewDiskBlobHandler(b.TempDir())), registry.Logger(log.New(io.Discard, "", 0)))
	b.Run("go-containerregistry", func(b *testing.B) { benchLayer(b, bare, "", layer, digest, nil) })
	for _, encryption := range []string{ecr.EncryptionAES256, ecr.EncryptionKMS, ecr.EncryptionDSSE} {
		w := ecrtest.New(b)
		if w.Blobs, err = dirblob.Open(b.TempDir()); err != nil {
			b.Fatal(err)
		}
		s, tokens := w.Start(), ociapi.Tokens{Key: w.Keys.TokenKey()}
		credentials := awsapitest.Keys{awsapitest.AccessKeyID: {Secret: awsapitest.Secret, Principal: awsapitest.Root(ecrtest.Account)}}
		root, name := ecrtest.Root(ecrtest.Account), ecr.Name{Repository: "app"}
		_, err := s.CreateRepository(b.Context(), root, ecr.CreateRepositoryInput{Name: name, Encryption: ecr.Encryption{Type: encryption}})
		require.NoError(b, err)
		signed := &awsapi.Request{HTTP: &http.Request{Header: http.Header{}}, Region: ecrtest.Region, AccessKeyID: awsapitest.AccessKeyID, Time: w.Now()}
		password, _, err := tokens.Issue(signed, ecrtest.Account)
		require.NoError(b, err)
		ours := ociapi.New(ociapi.Options{Service: s, Tokens: tokens, Credentials: credentials, Now: w.Now})
		b.Run(encryption, func(b *testing.B) {
			benchLayer(b, ours, password, layer, digest, func() { require.NoError(b, s.DeleteLayer(b.Context(), root, name, digest)) })
		})
	}
}

func benchLayer(b *testing.B, h http.Handler, password string, layer []byte, digest string, forget func()) {
	served := awsapitest.Serve(b, h)
	do := func(method, path string, body []byte, status int) *http.Response {
		r, err := http.NewRequest(method, served.Endpoint+path, bytes.NewReader(body))
		require.NoError(b, err)
		r.SetBasicAuth("AWS", password)
		resp, err := http.DefaultClient.Do(r)
		require.NoError(b, err)
		require.Equal(b, status, resp.StatusCode)
		return resp
	}
	push := func() {
		begun := do(http.MethodPost, "/v2/app/blobs/uploads/", nil, http.StatusAccepted)
		require.NoError(b, begun.Body.Close())
		_, path, _ := strings.Cut(begun.Header.Get("Location"), "/v2/")
		require.NoError(b, do(http.MethodPut, "/v2/"+path+"?digest="+digest, layer, http.StatusCreated).Body.Close())
	}
	push()
	b.Run("push", func(b *testing.B) {
		b.SetBytes(int64(len(layer)))
		for b.Loop() {
			if forget != nil {
				b.StopTimer()
				forget()
				b.StartTimer()
			}
			push()
		}
	})
	b.Run("pull", func(b *testing.B) {
		b.SetBytes(int64(len(layer)))
		for b.Loop() {
			resp := do(http.MethodGet, "/v2/app/blobs/"+digest, nil, http.StatusOK)
			n, err := io.Copy(io.Discard, resp.Body)
			require.NoError(b, err)
			require.EqualValues(b, len(layer), n)
			require.NoError(b, resp.Body.Close())
		}
	})
}
