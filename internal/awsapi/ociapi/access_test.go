package ociapi_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/awsapi/awsapitest"
	"coffer.example/internal/ecr"
	"coffer.example/internal/ecr/ecrtest"
	"coffer.example/kms"
	"github.com/stretchr/testify/require"
)

func TestAuthenticationRequired(t *testing.T) {
	s := newSite(t)
	good := s.password
	flipped := []byte(good)
	flipped[len(flipped)/2] ^= 1
	for _, bad := range []string{"", "secret", good[:len(good)-4], string(flipped)} {
		s.password = bad
		a := s.get("/v2/")
		a.requireError(t, http.StatusUnauthorized, "UNAUTHORIZED")
		require.Equal(t, `Basic realm="`+s.aws.Endpoint+`/",service="ecr.amazonaws.com"`, a.Header.Get("WWW-Authenticate"))
	}
	for _, path := range []string{"/v2/" + repo + "/tags/list", "/v2/no/such/tags/list", "/v2/_catalog"} {
		s.get(path).requireError(t, http.StatusUnauthorized, "UNAUTHORIZED")
	}
	resp, err := http.Get(s.aws.Endpoint + "/v2/")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
	r, err := http.NewRequest(http.MethodGet, s.aws.Endpoint+"/v2/", nil)
	require.NoError(t, err)
	r.SetBasicAuth("somebody", good)
	resp, err = http.DefaultClient.Do(r)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
	s.password = good
	s.get("/v2/").requireStatus(t, http.StatusOK)
}

func TestTokenExpires(t *testing.T) {
	s := newSite(t)
	s.world.Pass(12*time.Hour - 5*time.Second)
	s.get("/v2/").requireStatus(t, http.StatusOK)
	s.world.Pass(10 * time.Second)
	a := s.get("/v2/")
	a.requireError(t, http.StatusUnauthorized, "UNAUTHORIZED")
	require.Contains(t, string(a.body), "Your authorization token has expired. Reauthenticate and try again.")
}

// The token is as good as its access key is now, not as it was.
func TestTokenFollowsItsAccessKey(t *testing.T) {
	s := newSite(t)
	pull := ecrtest.Allow("ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability")
	alice := awsapi.Principal{
		Account: ecrtest.Account, ARN: "arn:aws:iam::" + ecrtest.Account + ":user/alice", UserID: "AIDAALICE", UserName: "alice", Type: "IAMUser",
		Policies: []kms.Policy{{Name: "inline policy pull of user alice", Document: pull}},
	}
	s.credentials["AKIAALICE"] = awsapi.Credential{Secret: awsapitest.Secret, Principal: alice}
	_, digest := s.image(repo, "v1", "x")
	s.password = s.login("AKIAALICE")
	s.world.Trail.Take()
	s.get("/v2/"+repo+"/manifests/"+digest).requireStatus(t, http.StatusOK)
	a := s.do(http.MethodPost, "/v2/"+repo+"/blobs/uploads/", nil)
	a.requireError(t, http.StatusForbidden, "DENIED")
	require.Contains(t, string(a.body), "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: ecr:InitiateLayerUpload on resource: arn:aws:ecr:us-east-1:111122223333:repository/app/web because no identity-based policy allows the ecr:InitiateLayerUpload action")
	s.do(http.MethodPost, "/v2/no/such/blobs/uploads/", nil).requireError(t, http.StatusForbidden, "DENIED") // whether it exists is not told
	var denied, allowed int
	for _, e := range s.world.Trail.Take() {
		if e.EventName == "InitiateLayerUpload" && e.ErrorCode == "DENIED" && e.CofferDecision.Result == "Deny" {
			denied++
		}
		if e.EventName == "BatchGetImage" && e.ErrorCode == "" && e.UserIdentity.ARN == alice.ARN {
			allowed++
		}
	}
	require.Equal(t, []int{2, 1}, []int{denied, allowed})

	alice.Policies = append(alice.Policies, kms.Policy{Name: "later", Document: `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"ecr:BatchGetImage","Resource":"*"}]}`})
	s.credentials["AKIAALICE"] = awsapi.Credential{Secret: awsapitest.Secret, Principal: alice}
	s.get("/v2/"+repo+"/manifests/"+digest).requireError(t, http.StatusForbidden, "DENIED")
	delete(s.credentials, "AKIAALICE")
	s.get("/v2/").requireError(t, http.StatusUnauthorized, "UNAUTHORIZED")
}

// Another account reads what the repository's policy lets it, by the host name of the registry.
func TestAnotherAccountsRegistry(t *testing.T) {
	s := newSite(t)
	_, digest := s.image(repo, "v1", "x")
	s.password = s.login("AKIAOTHER")
	host := ecrtest.Account + ".dkr.ecr." + ecrtest.Region + ".localhost"
	path := "/v2/" + repo + "/manifests/" + digest
	s.get(path).requireError(t, http.StatusNotFound, "NAME_UNKNOWN") // of its own registry
	s.get(path, "Host", host).requireError(t, http.StatusForbidden, "DENIED")
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + ecrtest.OtherAccount + `"},"Action":["ecr:BatchGetImage"]}]}`
	_, err := s.service.SetPolicy(context.Background(), ecrtest.Root(ecrtest.Account), ecr.Name{Repository: repo}, policy, false)
	require.NoError(t, err)
	s.get(path, "Host", host).requireStatus(t, http.StatusOK)
	s.get(path, "Host", ecrtest.Account+".dkr.ecr.eu-west-1.localhost").requireStatus(t, http.StatusForbidden)
	s.do(http.MethodDelete, path, nil, "Host", host).requireError(t, http.StatusForbidden, "DENIED")
}

func TestKeyRefusalIsTold(t *testing.T) {
	s := newSite(t)
	_, digest := s.image(repo, "v1", "x")
	found, err := s.service.Describe(t.Context(), ecrtest.Root(ecrtest.Account), "", []string{repo})
	require.NoError(t, err)
	require.NoError(t, s.world.Keys.RevokeGrant(t.Context(), ecrtest.Root(ecrtest.Account), kms.RevokeGrantInput{KeyID: found[0].Encryption.Key, GrantID: found[0].Grants[0]}))
	for _, a := range []*answer{
		s.get("/v2/" + repo + "/manifests/" + digest), s.get("/v2/" + repo + "/blobs/" + ecrtest.Digest([]byte("layer x"))),
		s.do(http.MethodPost, "/v2/"+repo+"/blobs/uploads/?digest="+ecrtest.Digest([]byte("y")), strings.NewReader("y")),
	} {
		a.requireError(t, http.StatusForbidden, "DENIED")
		require.Contains(t, string(a.body), "AccessDeniedException: The grant")
	}
	s.create("other")
	// The key of the source refuses: there is nothing to mount.
	s.do(http.MethodPost, "/v2/other/blobs/uploads/?mount="+ecrtest.Digest([]byte("layer x"))+"&from="+repo, nil).requireStatus(t, http.StatusAccepted)
}

func TestImmutableTag(t *testing.T) {
	s := newSite(t)
	manifest, _ := s.image(repo, "v1", "x")
	_, err := s.service.SetMutability(t.Context(), ecrtest.Root(ecrtest.Account), ecr.Name{Repository: repo}, ecr.Mutability{Mode: ecr.Immutable})
	require.NoError(t, err)
	s.put(repo, "v1", manifest, ecr.MediaTypeImage).requireStatus(t, http.StatusCreated) // nothing moves
	a := s.put(repo, "v1", ecrtest.Manifest([]byte(`{"text":"x"}`)), ecr.MediaTypeImage)
	a.requireError(t, http.StatusForbidden, "DENIED")
	require.Contains(t, string(a.body), "The image tag 'v1' already exists in the 'app/web' repository and cannot be overwritten because the tag is immutable.")
}

// What a connection brought before it broke stays, and the upload goes on behind it.
func TestBrokenUploadGoesOn(t *testing.T) {
	s := newSite(t)
	content := bytes.Repeat([]byte("0123456789"), 50_000)
	location := s.start(repo)
	r, err := http.NewRequest(http.MethodPatch, s.aws.Endpoint+location, io.MultiReader(bytes.NewReader(content[:300_000]), brokenReader{}))
	require.NoError(t, err)
	r.ContentLength = int64(len(content))
	r.SetBasicAuth("AWS", s.password)
	_, err = http.DefaultClient.Do(r)
	require.Error(t, err)
	var have int
	require.Eventually(t, func() bool {
		_, end, _ := strings.Cut(s.get(location).Header.Get("Range"), "-")
		n, ok := atoi(end)
		have = n + 1
		return ok && n > 0
	}, 10*time.Second, 10*time.Millisecond)
	require.Less(t, have, len(content))
	s.do(http.MethodPatch, location, bytes.NewReader(content[have:])).requireStatus(t, http.StatusAccepted)
	a := s.do(http.MethodPut, location+"?digest="+ecrtest.Digest(content), nil).requireStatus(t, http.StatusCreated)
	require.Equal(t, content, s.get(a.Header.Get("Location")).body)
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

func atoi(s string) (n int, ok bool) {
	for _, c := range s {
		n = n*10 + int(c-'0')
	}
	return n, s != ""
}

// An object that was damaged is refused before its first byte where that shows, and else cuts the connection.
func TestDamagedLayer(t *testing.T) {
	s := newSite(t)
	content := bytes.Repeat([]byte("0123456789"), 30_000)
	path := "/v2/" + repo + "/blobs/" + s.push(repo, content)
	var object string
	require.NoError(t, s.world.Blobs.List(t.Context(), "", "", 0, func(name string, _ int64) error { object = name; return nil }))
	o, err := s.world.Blobs.Get(t.Context(), object)
	require.NoError(t, err)
	sealed, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
	require.NoError(t, err)
	put := func(b []byte) {
		_ = s.world.Blobs.Delete(t.Context(), object)
		require.NoError(t, s.world.Blobs.Put(t.Context(), object, func(w io.Writer) error { _, err := w.Write(b); return err }))
	}
	put(sealed[:len(sealed)-1])
	require.Equal(t, http.StatusInternalServerError, s.get(path).StatusCode)
	flipped := bytes.Clone(sealed)
	flipped[len(flipped)/2] ^= 1
	put(flipped)
	r, err := http.NewRequest(http.MethodGet, s.aws.Endpoint+path, nil)
	require.NoError(t, err)
	r.SetBasicAuth("AWS", s.password)
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	got, err := io.ReadAll(resp.Body)
	require.Error(t, err, "the client sees that the body ended early")
	require.NoError(t, resp.Body.Close())
	require.True(t, bytes.HasPrefix(content, got) && len(got) < len(content))
	require.Equal(t, "0123", string(s.get(path, "Range", "bytes=0-3").requireStatus(t, http.StatusPartialContent).body), "the rest keeps working")
	put(sealed)
	require.Equal(t, content, s.get(path).body)
}

// No password, token or content is in the audit trail.
func TestTrailHasNoSecrets(t *testing.T) {
	s := newSite(t)
	s.image(repo, "v1", "very-secret-text")
	for _, e := range s.world.Trail.Take() {
		for _, value := range e.RequestParameters {
			require.NotContains(t, value, s.password)
			require.NotContains(t, value, "very-secret-text")
		}
	}
}
