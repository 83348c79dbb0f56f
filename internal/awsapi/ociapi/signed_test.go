package ociapi_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"coffer.example/internal/awsapi/awsapitest"
	"coffer.example/internal/awsapi/sigv4"
	"coffer.example/internal/ecr"
	"coffer.example/internal/ecr/ecrtest"
	"coffer.example/internal/testkit"
	"github.com/stretchr/testify/require"
)

// signed makes a request that is signed over a payload hash, as an access key of the root, and sends body with it.
func (s *site) signed(method, path, service, payloadHash string, body []byte, headers ...string) *answer {
	s.t.Helper()
	r, err := http.NewRequest(method, s.aws.Endpoint+path, bytes.NewReader(body))
	require.NoError(s.t, err)
	r.Header.Set("X-Amz-Content-Sha256", payloadHash)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	key := sigv4.Key{AccessKeyID: awsapitest.AccessKeyID, Secret: awsapitest.Secret}
	require.NoError(s.t, sigv4.Sign(r, key, service, ecrtest.Region, payloadHash, s.now()))
	resp, err := http.DefaultClient.Do(r)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return &answer{resp, read}
}

// A request signed by SigV4 needs no token: pushed in chunks and pulled by signatures alone.
func TestSignedRequests(t *testing.T) {
	s := newSite(t)
	content := bytes.Repeat([]byte("signed "), 20_000)
	half := len(content) / 2
	base, none := "/v2/"+repo, sigv4.PayloadHash(nil)
	s.signed(http.MethodGet, "/v2/", "ecr", none, nil).requireStatus(t, http.StatusOK)
	location := s.signed(http.MethodPost, base+"/blobs/uploads/", "ecr", none, nil).requireStatus(t, http.StatusAccepted).Header.Get("Location")
	s.signed(http.MethodPatch, location, "ecr", sigv4.PayloadHash(content[:half]), content[:half], "Content-Range", rangeText(0, half)).requireStatus(t, http.StatusAccepted)
	s.signed(http.MethodPatch, location, "ecr", sigv4.UnsignedPayload, content[half:], "Content-Range", rangeText(half, len(content))).requireStatus(t, http.StatusAccepted)
	digest := ecrtest.Digest(content)
	s.signed(http.MethodPut, location+"?digest="+url.QueryEscape(digest), "ecr", none, nil).requireStatus(t, http.StatusCreated)
	require.Equal(t, content, s.signed(http.MethodGet, base+"/blobs/"+digest, "ecr", none, nil).requireStatus(t, http.StatusOK).body)
	s.push(repo, []byte("{}"))
	manifest := ecrtest.Manifest([]byte("{}"), content)
	s.signed(http.MethodPut, base+"/manifests/v1", "ecr", sigv4.PayloadHash(manifest), manifest, "Content-Type", ecr.MediaTypeImage).requireStatus(t, http.StatusCreated)
	require.Equal(t, manifest, s.get(base+"/manifests/v1").body)
}

func rangeText(from, to int) string { return fmt.Sprintf("%d-%d", from, to-1) }

// What is not as it was signed is refused, and nothing of it stays.
func TestSignatureRefusals(t *testing.T) {
	s := newSite(t)
	base, none := "/v2/"+repo, sigv4.PayloadHash(nil)
	s.signed(http.MethodGet, base+"/tags/list", "kms", none, nil).requireError(t, http.StatusUnauthorized, "UNAUTHORIZED")
	s.signed(http.MethodGet, base+"/tags/list", "ecr", sigv4.PayloadHash([]byte("x")), nil).requireError(t, http.StatusUnauthorized, "UNAUTHORIZED")
	s.signed(http.MethodGet, base+"/tags/list", "ecr", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", nil).requireError(t, http.StatusUnauthorized, "UNAUTHORIZED")
	location := s.start(repo)
	signed, sent := []byte("the one that was signed"), []byte("the one that was sent..")
	a := s.signed(http.MethodPatch, location, "ecr", sigv4.PayloadHash(signed), sent)
	a.requireError(t, http.StatusUnauthorized, "UNAUTHORIZED")
	require.Contains(t, string(a.body), "does not match the signature you provided")
	require.Equal(t, "0-0", s.get(location).Header.Get("Range"), "nothing was kept")
	s.signed(http.MethodPatch, location, "ecr", sigv4.PayloadHash(signed), sent, "Content-Range", "0-22").requireError(t, http.StatusUnauthorized, "UNAUTHORIZED")
	s.do(http.MethodPut, location+"?digest="+ecrtest.Digest(nil), nil).requireStatus(t, http.StatusCreated)
	manifest := ecrtest.Manifest([]byte("{}"))
	s.push(repo, []byte("{}"))
	for _, hash := range []string{sigv4.UnsignedPayload, sigv4.PayloadHash(signed)} {
		s.signed(http.MethodPut, base+"/manifests/v1", "ecr", hash, manifest, "Content-Type", ecr.MediaTypeImage).requireError(t, http.StatusUnauthorized, "UNAUTHORIZED")
	}
	s.get(base+"/manifests/v1").requireStatus(t, http.StatusNotFound)
	s.world.Pass(time.Hour)
	delete(s.credentials, awsapitest.AccessKeyID)
	s.signed(http.MethodGet, base+"/tags/list", "ecr", none, nil).requireError(t, http.StatusUnauthorized, "UNAUTHORIZED")
}

// curl signs by itself.
func TestCurlSigns(t *testing.T) {
	s := newSite(t)
	s.image(repo, "v1", "x")
	got := testkit.Run(t, "curl", "--fail", "--silent", "--show-error", "--aws-sigv4", "aws:amz:"+ecrtest.Region+":ecr", "--user", awsapitest.AccessKeyID+":"+awsapitest.Secret,
		s.aws.Endpoint+"/v2/"+repo+"/tags/list")
	require.JSONEq(t, `{"name":"app/web","tags":["v1"]}`, got)
}

// The URL that GetDownloadUrlForLayer gives reads one layer, without more, and nothing else.
func TestDownloadURL(t *testing.T) {
	s := newSite(t)
	content := []byte("content of a layer")
	digest, other := s.push(repo, content), s.push(repo, []byte("another"))
	address := s.aws.Query(t, "downloadUrl", "ecr", "get-download-url-for-layer", "--repository-name", repo, "--layer-digest", digest)
	fetch := func(method, address string) *answer {
		r, err := http.NewRequest(method, address, nil)
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return &answer{resp, body}
	}
	require.Equal(t, content, fetch(http.MethodGet, address).requireStatus(t, http.StatusOK).body)
	require.Equal(t, string(content), testkit.Run(t, "curl", "--fail", "--silent", address))
	fetch(http.MethodGet, strings.Replace(address, digest, other, 1)).requireError(t, http.StatusUnauthorized, "UNAUTHORIZED")
	fetch(http.MethodDelete, address).requireError(t, http.StatusUnauthorized, "UNAUTHORIZED")
	s.password = mustQuery(t, address, "X-Coffer-Token")
	s.get("/v2/").requireError(t, http.StatusUnauthorized, "UNAUTHORIZED")
	s.world.Pass(time.Hour)
	fetch(http.MethodGet, address).requireError(t, http.StatusUnauthorized, "UNAUTHORIZED")
}

func mustQuery(t *testing.T, address, name string) string {
	u, err := url.Parse(address)
	require.NoError(t, err)
	return u.Query().Get(name)
}
