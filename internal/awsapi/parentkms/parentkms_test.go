package parentkms

import (
	"bytes"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"coffer.example/aead"
	"coffer.example/internal/awsapi/awsapitest"
	"coffer.example/internal/awsapi/kmsapi"
	"coffer.example/internal/awsapi/sigv4"
	"coffer.example/kms"
	"github.com/stretchr/testify/require"
)

func newSecret() *aead.Secret { return aead.NewSecret(bytes.Repeat([]byte{7}, aead.KeySize)) }

var key = sigv4.Key{AccessKeyID: awsapitest.AccessKeyID, Secret: awsapitest.Secret}

// newParent serves a KMS with one key.
func newParent(t *testing.T) (k *kms.KMS, endpoint, keyARN string) {
	dir := t.TempDir()
	o := kms.Options{Dir: filepath.Join(dir, "parent"), Root: kms.RootKeyFile(filepath.Join(dir, "root.key")), Account: awsapitest.Account}
	require.NoError(t, kms.Init(o))
	k, err := kms.Open(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, k.Close()) })
	made, err := k.CreateKey(t.Context(), k.RootCaller(), kms.CreateKeyInput{})
	require.NoError(t, err)
	return k, awsapitest.Serve(t, awsapitest.Front(kmsapi.New(k))).Endpoint, made.ARN
}

func TestRoot(t *testing.T) {
	parent, endpoint, arn := newParent(t)
	root, err := New(Options{KeyARN: arn, Endpoint: endpoint, Key: key})
	require.NoError(t, err)
	require.Equal(t, "kms", root.Kind())

	dir := filepath.Join(t.TempDir(), "child")
	child := kms.Options{Dir: dir, Root: root, Account: awsapitest.Account}
	require.NoError(t, kms.Init(child))
	opened, err := kms.Open(child)
	require.NoError(t, err)
	made, err := opened.CreateKey(t.Context(), opened.RootCaller(), kms.CreateKeyInput{})
	require.NoError(t, err)
	require.NoError(t, opened.Close())
	opened, err = kms.Open(child)
	require.NoError(t, err)
	_, err = opened.DescribeKey(t.Context(), opened.RootCaller(), kms.DescribeKeyInput{KeyID: made.ID})
	require.NoError(t, err)
	require.NoError(t, opened.Close())

	// Another key of the parent is another root.
	other, err := parent.CreateKey(t.Context(), parent.RootCaller(), kms.CreateKeyInput{})
	require.NoError(t, err)
	wrong, err := New(Options{KeyARN: other.ARN, Endpoint: endpoint, Key: key})
	require.NoError(t, err)
	_, err = kms.Open(kms.Options{Dir: dir, Root: wrong, Account: awsapitest.Account})
	require.ErrorIs(t, err, kms.ErrWrongRoot)

	// A disabled key keeps the directory sealed until it is enabled again.
	require.NoError(t, parent.DisableKey(t.Context(), parent.RootCaller(), kms.KeyInput{KeyID: arn}))
	_, err = kms.Open(child)
	require.ErrorContains(t, err, "the parent KMS refuses Decrypt: DisabledException: "+arn+" is disabled.")
	require.NoError(t, parent.EnableKey(t.Context(), parent.RootCaller(), kms.KeyInput{KeyID: arn}))
	opened, err = kms.Open(child)
	require.NoError(t, err)
	require.NoError(t, opened.Close())
}

// TestSealedForOneDirectory: the sealed root key of one directory opens no other.
func TestSealedForOneDirectory(t *testing.T) {
	_, endpoint, arn := newParent(t)
	root, err := New(Options{KeyARN: arn, Endpoint: endpoint, Key: key})
	require.NoError(t, err)
	secret := newSecret()
	one, two := kms.RootDir{Rand: rand.Reader}, kms.RootDir{}
	two.Store[0] = 1
	sealed, err := root.Seal(t.Context(), one, secret)
	require.NoError(t, err)
	back, err := root.Open(t.Context(), one, sealed)
	require.NoError(t, err)
	require.True(t, back.Equal(secret))
	_, err = root.Open(t.Context(), two, sealed)
	require.ErrorIs(t, err, kms.ErrWrongRoot)
	sealed[len(sealed)-1] ^= 1
	_, err = root.Open(t.Context(), one, sealed)
	require.ErrorIs(t, err, kms.ErrWrongRoot)
}

func TestEndpoints(t *testing.T) {
	const arn = "arn:aws:kms:eu-west-1:111122223333:key/x"
	for endpoint, allowed := range map[string]bool{
		"": true, "https://kms.example": true, "http://127.0.0.1:4566": true, "http://[::1]:4566": true, "http://localhost:4566": true,
		"http://kms.example": false, "http://10.0.0.1": false, "ftp://localhost": false, "nothing": false,
	} {
		_, err := New(Options{KeyARN: arn, Endpoint: endpoint, Key: key})
		require.Equal(t, allowed, err == nil, "%s: %v", endpoint, err)
	}
	for _, o := range []Options{{KeyARN: "alias/x", Key: key}, {KeyARN: "arn:aws:s3:::x", Key: key}, {KeyARN: arn}} {
		_, err := New(o)
		require.Error(t, err)
	}
}

func TestBadParents(t *testing.T) {
	for name, answer := range map[string]string{
		"no JSON": "<html>", "nothing": "{}", "short": `{"Plaintext":"AAAA"}`,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(answer)) }))
		root, err := New(Options{KeyARN: "arn:aws:kms:us-east-1:111122223333:key/x", Endpoint: server.URL, Key: key})
		require.NoError(t, err)
		_, err = root.Seal(t.Context(), kms.RootDir{Rand: rand.Reader}, newSecret())
		require.ErrorIs(t, err, kms.ErrParent, name)
		server.Close()
		_, err = root.Seal(t.Context(), kms.RootDir{Rand: rand.Reader}, newSecret())
		require.ErrorIs(t, err, kms.ErrParent)
		require.ErrorContains(t, err, "connection refused")
	}
}
