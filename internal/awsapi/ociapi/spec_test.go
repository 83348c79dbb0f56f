package ociapi_test

import (
	"bytes"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"coffer.example/internal/ecr"
	"coffer.example/internal/ecr/ecrtest"
	"github.com/stretchr/testify/require"
)

// The tests of this file go through the OCI distribution-spec v1.1.1 (github.com/opencontainers/distribution-spec, spec.md),
// every MUST and SHOULD of a registry; they are named after its sections.

const (
	absent   = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
	uuidText = `[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`
)

func sha512Digest(content []byte) string {
	sum := sha512.Sum512(content)
	return "sha512:" + hex.EncodeToString(sum[:])
}

func TestPullingManifests(t *testing.T) {
	s := newSite(t)
	manifest, digest := s.image(repo, "v1", "x")
	for _, reference := range []string{"v1", digest} {
		a := s.get("/v2/"+repo+"/manifests/"+reference, "Accept", ecr.MediaTypeImage).requireStatus(t, http.StatusOK)
		require.Equal(t, string(manifest), string(a.body))
		require.Equal(t, ecr.MediaTypeImage, a.Header.Get("Content-Type"), "as pushed, without parameters")
		require.Equal(t, digest, a.Header.Get("Docker-Content-Digest"))
	}
	for _, reference := range []string{"none", absent, ".INVALID", strings.Repeat("t", 129)} {
		s.get("/v2/"+repo+"/manifests/"+reference).requireError(t, http.StatusNotFound, "MANIFEST_UNKNOWN")
	}
	s.get("/v2/no/such/manifests/v1").requireError(t, http.StatusNotFound, "NAME_UNKNOWN")
	for _, bad := range []string{"Upper", "a__-b", "a//b", "-a", "a/"} {
		s.get("/v2/"+bad+"/manifests/v1").requireError(t, http.StatusBadRequest, "NAME_INVALID")
	}
	long := strings.Repeat("t", 128)
	s.put(repo, long, manifest, ecr.MediaTypeImage).requireStatus(t, http.StatusCreated)
	s.get("/v2/"+repo+"/manifests/"+long).requireStatus(t, http.StatusOK)
}

func TestPullingBlobs(t *testing.T) {
	s := newSite(t)
	content := bytes.Repeat([]byte("0123456789"), 30_000)
	digest := s.push(repo, content)
	a := s.get("/v2/"+repo+"/blobs/"+digest).requireStatus(t, http.StatusOK)
	require.Equal(t, content, a.body)
	require.Equal(t, digest, a.Header.Get("Docker-Content-Digest"))
	require.EqualValues(t, len(content), a.ContentLength)
	s.get("/v2/"+repo+"/blobs/"+absent).requireError(t, http.StatusNotFound, "BLOB_UNKNOWN")
	s.get("/v2/"+repo+"/blobs/sha256:zz").requireError(t, http.StatusBadRequest, "DIGEST_INVALID")
	s.get("/v2/"+repo+"/blobs/blake3:00").requireError(t, http.StatusBadRequest, "UNSUPPORTED")
	s.get("/v2/no/such/blobs/"+digest).requireError(t, http.StatusNotFound, "NAME_UNKNOWN")
}

// A registry SHOULD support Range (RFC 9110).
func TestPullingBlobsByRange(t *testing.T) {
	s := newSite(t)
	content := bytes.Repeat([]byte("0123456789"), 30_000)
	path := "/v2/" + repo + "/blobs/" + s.push(repo, content)
	n := len(content)
	for header, want := range map[string][2]int{
		"bytes=0-0": {0, 1}, "bytes=5-": {5, n}, "bytes=65530-65545": {65530, 65546}, "bytes=131072-131075": {131072, 131076},
		"bytes=-7": {n - 7, n}, "bytes=-9999999": {0, n}, fmt.Sprintf("bytes=%d-9999999", n-1): {n - 1, n},
	} {
		a := s.get(path, "Range", header).requireStatus(t, http.StatusPartialContent)
		require.Equal(t, string(content[want[0]:want[1]]), string(a.body), header)
		require.Equal(t, fmt.Sprintf("bytes %d-%d/%d", want[0], want[1]-1, n), a.Header.Get("Content-Range"))
	}
	for _, header := range []string{fmt.Sprintf("bytes=%d-", n), "bytes=-0", "bytes=5-4"} {
		a := s.get(path, "Range", header).requireStatus(t, http.StatusRequestedRangeNotSatisfiable)
		require.Equal(t, fmt.Sprintf("bytes */%d", n), a.Header.Get("Content-Range"))
	}
	for _, ignored := range []string{"lines=0-1", "bytes=a-b", "bytes=0-1,5-6", "bytes=+1-2"} {
		require.Equal(t, content, s.get(path, "Range", ignored).requireStatus(t, http.StatusOK).body)
	}
	a := s.get(path, "Range", "bytes=0-0", "If-Range", `"other"`).requireStatus(t, http.StatusOK)
	s.get(path, "Range", "bytes=0-0", "If-Range", a.Header.Get("Etag")).requireStatus(t, http.StatusPartialContent)
}

func TestCheckingIfContentExists(t *testing.T) {
	s := newSite(t)
	manifest, digest := s.image(repo, "v1", "x")
	for _, path := range []string{"/manifests/v1", "/manifests/" + digest} {
		a := s.head("/v2/"+repo+path).requireStatus(t, http.StatusOK)
		require.Equal(t, digest, a.Header.Get("Docker-Content-Digest"))
		require.EqualValues(t, len(manifest), a.ContentLength)
	}
	layer := ecrtest.Digest([]byte("layer x"))
	a := s.head("/v2/"+repo+"/blobs/"+layer).requireStatus(t, http.StatusOK)
	require.Equal(t, layer, a.Header.Get("Docker-Content-Digest"))
	require.EqualValues(t, len("layer x"), a.ContentLength)
	for _, path := range []string{"/manifests/none", "/manifests/" + absent, "/blobs/" + absent} {
		s.head("/v2/"+repo+path).requireStatus(t, http.StatusNotFound)
	}
}

// "A registry MUST initially accept an otherwise valid manifest with a subject field that references a manifest that does not exist";
// other references that are missing result in MANIFEST_BLOB_UNKNOWN.
func TestPush(t *testing.T) {
	s := newSite(t)
	s.image(repo, "v1", "x")
	config := []byte(`{"text":"x"}`)
	orphan := bytes.Replace(ecrtest.Manifest(config), []byte(`"layers"`), []byte(`"subject":{"mediaType":"`+ecr.MediaTypeImage+`","digest":"`+absent+`","size":2},"layers"`), 1)
	s.put(repo, ecrtest.Digest(orphan), orphan, ecr.MediaTypeImage).requireStatus(t, http.StatusCreated)
	s.put(repo, "v2", ecrtest.Manifest(config, []byte("never pushed")), ecr.MediaTypeImage).requireError(t, http.StatusNotFound, "MANIFEST_BLOB_UNKNOWN")
	s.put(repo, "v2", ecrtest.Manifest([]byte("no config")), ecr.MediaTypeImage).requireError(t, http.StatusNotFound, "MANIFEST_BLOB_UNKNOWN")
	list := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"manifests":[{"mediaType":%q,"digest":%q,"size":3}]}`, ecr.MediaTypeIndex, ecr.MediaTypeImage, absent)
	s.put(repo, "v2", []byte(list), ecr.MediaTypeIndex).requireError(t, http.StatusNotFound, "MANIFEST_BLOB_UNKNOWN")
}

func TestPostThenPut(t *testing.T) {
	s := newSite(t)
	content := []byte("content")
	a := s.do(http.MethodPost, "/v2/"+repo+"/blobs/uploads/", nil).requireStatus(t, http.StatusAccepted)
	location := a.Header.Get("Location")
	require.Regexp(t, "^/v2/"+repo+"/blobs/uploads/"+uuidText+"$", location)
	other := s.start(repo)
	require.NotEqual(t, location, other, "a unique session")
	digest := ecrtest.Digest(content)
	a = s.do(http.MethodPut, location+"?digest="+digest, bytes.NewReader(content), "Content-Type", "application/octet-stream").requireStatus(t, http.StatusCreated)
	require.Equal(t, content, s.get(a.Header.Get("Location")).requireStatus(t, http.StatusOK).body, "a pullable blob URL")
	require.Equal(t, digest, a.Header.Get("Docker-Content-Digest"))
	s.do(http.MethodPut, location+"?digest="+digest, bytes.NewReader(content)).requireError(t, http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN")
	s.do(http.MethodPut, other+"?digest="+absent, bytes.NewReader(content)).requireError(t, http.StatusBadRequest, "DIGEST_INVALID")
	s.do(http.MethodPut, other, bytes.NewReader(content)).requireError(t, http.StatusBadRequest, "DIGEST_INVALID")
	s.head("/v2/"+repo+"/blobs/"+absent).requireStatus(t, http.StatusNotFound)
	s.do(http.MethodPost, "/v2/no/such/blobs/uploads/", nil).requireError(t, http.StatusNotFound, "NAME_UNKNOWN")
	// Nothing is content too.
	s.do(http.MethodPut, s.start(repo)+"?digest="+ecrtest.Digest(nil), nil).requireStatus(t, http.StatusCreated)
	require.Empty(t, s.get("/v2/"+repo+"/blobs/"+ecrtest.Digest(nil)).requireStatus(t, http.StatusOK).body)
}

func TestSinglePost(t *testing.T) {
	s := newSite(t)
	content := []byte("content")
	a := s.do(http.MethodPost, "/v2/"+repo+"/blobs/uploads/?digest="+ecrtest.Digest(content), bytes.NewReader(content)).requireStatus(t, http.StatusCreated)
	require.Equal(t, content, s.get(a.Header.Get("Location")).requireStatus(t, http.StatusOK).body)
	s.do(http.MethodPost, "/v2/"+repo+"/blobs/uploads/?digest="+absent, bytes.NewReader(content)).requireError(t, http.StatusBadRequest, "DIGEST_INVALID")
	s.do(http.MethodPost, "/v2/"+repo+"/blobs/uploads/?digest=sha256:x", bytes.NewReader(content)).requireError(t, http.StatusBadRequest, "DIGEST_INVALID")
}

func TestDigestsOfSHA512(t *testing.T) {
	s := newSite(t)
	content := bytes.Repeat([]byte("content"), 30_000)
	digest := sha512Digest(content)
	a := s.do(http.MethodPut, s.start(repo)+"?digest="+digest, bytes.NewReader(content)).requireStatus(t, http.StatusCreated)
	require.Equal(t, digest, a.Header.Get("Docker-Content-Digest"))
	require.Equal(t, content, s.get("/v2/"+repo+"/blobs/"+digest).requireStatus(t, http.StatusOK).body)
	s.do(http.MethodPut, s.start(repo)+"?digest="+sha512Digest([]byte("other")), bytes.NewReader(content)).requireError(t, http.StatusBadRequest, "DIGEST_INVALID")
	config := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/x","digest":%q,"size":%d},"layers":[]}`, ecr.MediaTypeImage, digest, len(content))
	a = s.put(repo, sha512Digest([]byte(config)), []byte(config), ecr.MediaTypeImage).requireStatus(t, http.StatusCreated)
	require.Equal(t, sha512Digest([]byte(config)), a.Header.Get("Docker-Content-Digest"))
	require.Equal(t, config, string(s.get("/v2/"+repo+"/manifests/"+sha512Digest([]byte(config))).requireStatus(t, http.StatusOK).body))
}

func TestPushingABlobInChunks(t *testing.T) {
	s := newSite(t)
	chunks := [][]byte{bytes.Repeat([]byte("a"), 70_000), []byte("b"), bytes.Repeat([]byte("c"), 100)}
	whole := bytes.Join(chunks, nil)
	location, at := s.start(repo), 0
	status := func(end int) {
		a := s.get(location).requireStatus(t, http.StatusNoContent)
		require.Equal(t, fmt.Sprintf("0-%d", end), a.Header.Get("Range"))
		require.Equal(t, location, a.Header.Get("Location"))
	}
	status(0)
	// The first chunk's range MUST begin with 0.
	a := s.do(http.MethodPatch, location, bytes.NewReader(chunks[0]), "Content-Range", "5-70004")
	a.requireError(t, http.StatusRequestedRangeNotSatisfiable, "BLOB_UPLOAD_INVALID")
	for i, chunk := range chunks[:2] {
		a := s.do(http.MethodPatch, location, bytes.NewReader(chunk), "Content-Range", fmt.Sprintf("%d-%d", at, at+len(chunk)-1), "Content-Type", "application/octet-stream")
		a.requireStatus(t, http.StatusAccepted)
		at += len(chunk)
		require.Equal(t, fmt.Sprintf("0-%d", at-1), a.Header.Get("Range"))
		location = a.Header.Get("Location")
		require.NotEmpty(t, location)
		status(at - 1)
		// Out of order: the same chunk again, or one that leaves a hole.
		for _, start := range []int{at - len(chunk), at + 1} {
			a = s.do(http.MethodPatch, location, bytes.NewReader(chunk), "Content-Range", fmt.Sprintf("%d-%d", start, start+len(chunk)-1))
			a.requireError(t, http.StatusRequestedRangeNotSatisfiable, "BLOB_UPLOAD_INVALID")
			require.Equal(t, fmt.Sprintf("0-%d", at-1), a.Header.Get("Range"), i)
		}
	}
	s.do(http.MethodPatch, location, bytes.NewReader(chunks[2]), "Content-Range", "junk").requireStatus(t, http.StatusRequestedRangeNotSatisfiable)
	s.do(http.MethodPatch, location, bytes.NewReader(chunks[2]), "Content-Range", fmt.Sprintf("%d-%d", at, at+5)).requireError(t, http.StatusBadRequest, "SIZE_INVALID")
	status(at - 1)
	// The final chunk may come with the closing PUT, whose digest is of the whole blob.
	s.do(http.MethodPut, location+"?digest="+ecrtest.Digest(whole), bytes.NewReader(chunks[2]), "Content-Range", fmt.Sprintf("%d-%d", at+1, at+100)).requireStatus(t, http.StatusRequestedRangeNotSatisfiable)
	a = s.do(http.MethodPut, location+"?digest="+ecrtest.Digest(whole), bytes.NewReader(chunks[2]), "Content-Range", fmt.Sprintf("%d-%d", at, at+99)).requireStatus(t, http.StatusCreated)
	require.Equal(t, whole, s.get(a.Header.Get("Location")).requireStatus(t, http.StatusOK).body)
	s.get(location).requireError(t, http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN")
	// Ranges across the chunks.
	part := s.get(a.Header.Get("Location"), "Range", "bytes=69999-70005").requireStatus(t, http.StatusPartialContent)
	require.Equal(t, "abccccc", string(part.body))
}

// A body of unknown length, in one PATCH or several without ranges, and an empty closing PUT.
func TestPushingABlobStreamed(t *testing.T) {
	s := newSite(t)
	content := bytes.Repeat([]byte("stream"), 50_000)
	location := s.start(repo)
	a := s.do(http.MethodPatch, location, struct{ io.Reader }{bytes.NewReader(content)}).requireStatus(t, http.StatusAccepted)
	require.Equal(t, fmt.Sprintf("0-%d", len(content)-1), a.Header.Get("Range"))
	s.do(http.MethodPatch, location, struct{ io.Reader }{strings.NewReader("more")}).requireStatus(t, http.StatusAccepted)
	whole := append(bytes.Clone(content), "more"...)
	a = s.do(http.MethodPut, location+"?digest="+ecrtest.Digest(whole), nil).requireStatus(t, http.StatusCreated)
	require.Equal(t, whole, s.get(a.Header.Get("Location")).body)
}

func TestCancellingAnUpload(t *testing.T) {
	s := newSite(t)
	location := s.start(repo)
	s.do(http.MethodPatch, location, strings.NewReader("x")).requireStatus(t, http.StatusAccepted)
	s.do(http.MethodDelete, location, nil).requireStatus(t, http.StatusNoContent)
	s.get(location).requireError(t, http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN")
	s.do(http.MethodPatch, "/v2/"+repo+"/blobs/uploads/../x", strings.NewReader("x")).requireStatus(t, http.StatusNotFound)
}

func TestMountingABlob(t *testing.T) {
	s := newSite(t)
	s.create("other")
	content := []byte("mounted")
	digest := s.push(repo, content)
	a := s.do(http.MethodPost, "/v2/other/blobs/uploads/?mount="+digest+"&from="+repo, nil).requireStatus(t, http.StatusCreated)
	require.Equal(t, "/v2/other/blobs/"+digest, a.Header.Get("Location"))
	require.Equal(t, digest, a.Header.Get("Docker-Content-Digest"))
	require.Equal(t, content, s.get(a.Header.Get("Location")).requireStatus(t, http.StatusOK).body)
	// What cannot be mounted begins an upload.
	for _, query := range []string{"?mount=" + absent + "&from=" + repo, "?mount=" + absent, "?mount=junk", "?mount=" + digest + "&from=no/such", "?mount=junk&from=" + repo} {
		a = s.do(http.MethodPost, "/v2/other/blobs/uploads/"+query, nil).requireStatus(t, http.StatusAccepted)
		require.Regexp(t, "^/v2/other/blobs/uploads/"+uuidText+"$", a.Header.Get("Location"))
	}
	s.do(http.MethodPost, "/v2/no/such/blobs/uploads/?mount="+digest+"&from="+repo, nil).requireError(t, http.StatusNotFound, "NAME_UNKNOWN")
}

// Without from, any repository of the registry will do that the caller may read.
func TestMountingABlobFromAnywhere(t *testing.T) {
	s := newSite(t)
	s.create("other")
	digest := s.push(repo, []byte("mounted"))
	a := s.do(http.MethodPost, "/v2/other/blobs/uploads/?mount="+digest, nil).requireStatus(t, http.StatusCreated)
	require.Equal(t, "mounted", string(s.get(a.Header.Get("Location")).requireStatus(t, http.StatusOK).body))
	s.create("third")
	_, err := s.service.SetPolicy(t.Context(), ecrtest.Root(ecrtest.Account), ecr.Name{Repository: "third"}, `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"ecr:GetDownloadUrlForLayer"}]}`, true)
	require.NoError(t, err)
	closed := s.push("third", []byte("closed"))
	s.do(http.MethodPost, "/v2/other/blobs/uploads/?mount="+closed, nil).requireStatus(t, http.StatusAccepted)
}

func TestPushingManifests(t *testing.T) {
	s := newSite(t)
	manifest, digest := s.image(repo, "v1", "x")
	spaced := append([]byte("\n  "), bytes.Replace(manifest, []byte(":2,"), []byte(" : 2 ,"), 1)...)
	for _, reference := range []string{"spaced", ecrtest.Digest(spaced)} {
		a := s.put(repo, reference, spaced, ecr.MediaTypeImage+"; charset=utf-8").requireStatus(t, http.StatusCreated)
		require.Equal(t, ecrtest.Digest(spaced), a.Header.Get("Docker-Content-Digest"))
		b := s.get(a.Header.Get("Location")).requireStatus(t, http.StatusOK)
		require.Equal(t, spaced, b.body, "the exact bytes")
		require.Equal(t, ecr.MediaTypeImage, b.Header.Get("Content-Type"), "parameters are ignored")
	}
	s.put(repo, digest, spaced, ecr.MediaTypeImage).requireError(t, http.StatusBadRequest, "DIGEST_INVALID")
	s.put(repo, "bad tag!"[:3]+"~", manifest, ecr.MediaTypeImage).requireError(t, http.StatusBadRequest, "MANIFEST_INVALID")
	s.put(repo, "v2", manifest, ecr.MediaTypeIndex).requireError(t, http.StatusBadRequest, "MANIFEST_INVALID")
	for _, bad := range []string{"", "[]", "null", "{", `{"schemaVersion":1}`, `{"schemaVersion":2}`, `{"schemaVersion":2,"config":{"digest":"x"}}`} {
		s.put(repo, "v2", []byte(bad), ecr.MediaTypeImage).requireError(t, http.StatusBadRequest, "MANIFEST_INVALID")
	}
	s.put("no/such", "v1", manifest, ecr.MediaTypeImage).requireError(t, http.StatusNotFound, "NAME_UNKNOWN")
	// A manifest of 4 megabytes is taken, one above the limit is not.
	pad := func(size int) []byte {
		head := bytes.TrimSuffix(manifest, []byte("}"))
		tail := []byte(`,"x-pad":""}`)
		return bytes.Join([][]byte{head, tail[:10], bytes.Repeat([]byte("p"), size-len(head)-len(tail)), tail[10:]}, nil)
	}
	s.put(repo, "large", pad(ecr.MaxManifestSize), ecr.MediaTypeImage).requireStatus(t, http.StatusCreated)
	require.Len(t, s.get("/v2/"+repo+"/manifests/large").body, ecr.MaxManifestSize)
	s.put(repo, "larger", pad(ecr.MaxManifestSize+1), ecr.MediaTypeImage).requireError(t, http.StatusRequestEntityTooLarge, "SIZE_INVALID")
}

// "Push tags with a manifest by digest", of the specification's version after 1.1.
func TestPushingTagsWithAManifest(t *testing.T) {
	s := newSite(t)
	manifest, digest := s.image(repo, "v1", "x")
	a := s.put(repo, digest+"?tag=v2&tag=v3", manifest, ecr.MediaTypeImage).requireStatus(t, http.StatusCreated)
	require.Equal(t, "v2, v3", a.Header.Get("OCI-Tag"))
	for _, tag := range []string{"v1", "v2", "v3"} {
		require.Equal(t, digest, s.head("/v2/"+repo+"/manifests/"+tag).requireStatus(t, http.StatusOK).Header.Get("Docker-Content-Digest"))
	}
	s.put(repo, digest+"?tag=.bad", manifest, ecr.MediaTypeImage).requireError(t, http.StatusBadRequest, "UNSUPPORTED")
	many := "?tag=t0"
	for i := range ecr.MaxPushTags {
		many += fmt.Sprintf("&tag=t%d", i+1)
	}
	s.put(repo, digest+many, manifest, ecr.MediaTypeImage).requireError(t, http.StatusRequestURITooLong, "UNSUPPORTED")
	s.head("/v2/"+repo+"/manifests/t0").requireStatus(t, http.StatusNotFound)
}

func TestPushingAnIndexAndAnArtifact(t *testing.T) {
	s := newSite(t)
	manifest, digest := s.image(repo, "v1", "x")
	list := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"manifests":[{"mediaType":%q,"digest":%q,"size":%d}]}`, ecr.MediaTypeIndex, ecr.MediaTypeImage, digest, len(manifest))
	s.put(repo, "list", []byte(list), ecr.MediaTypeIndex).requireStatus(t, http.StatusCreated)
	a := s.get("/v2/"+repo+"/manifests/list").requireStatus(t, http.StatusOK)
	require.Equal(t, ecr.MediaTypeIndex, a.Header.Get("Content-Type"))
	other := []byte(`{"mediaType":"application/vnd.example.thing+json","blobs":[]}`)
	s.put(repo, "thing", other, "application/vnd.example.thing+json").requireStatus(t, http.StatusCreated)
	require.Equal(t, "application/vnd.example.thing+json", s.head("/v2/"+repo+"/manifests/thing").Header.Get("Content-Type"))
}

func TestListingTags(t *testing.T) {
	s := newSite(t)
	list := func(query string, want ...string) *answer {
		t.Helper()
		a := s.get("/v2/"+repo+"/tags/list"+query).requireStatus(t, http.StatusOK)
		var got struct {
			Name string
			Tags []string
		}
		require.NoError(t, json.Unmarshal(a.body, &got))
		require.Equal(t, repo, got.Name)
		require.Equal(t, append([]string{}, want...), got.Tags)
		return a
	}
	list("")
	manifest, _ := s.image(repo, "b", "x")
	for _, tag := range []string{"B", "a", "C", "a-b", "a.1", "a_1", "a0"} {
		s.put(repo, tag, manifest, ecr.MediaTypeImage).requireStatus(t, http.StatusCreated)
	}
	all := []string{"a", "a-b", "a.1", "a0", "a_1", "B", "b", "C"}
	require.Empty(t, list("", all...).Header.Get("Link"))
	a := list("?n=3", all[:3]...)
	require.Equal(t, `</v2/`+repo+`/tags/list?last=a.1&n=3>; rel="next"`, a.Header.Get("Link"))
	list("?n=3&last=a.1", all[3:6]...)
	require.Empty(t, list("?n=3&last=B", all[6:]...).Header.Get("Link"))
	list("?last=a1", all[4:]...) // one that is not there
	list("?n=100&last=C")
	// "When n is zero, this endpoint MUST return an empty list, and MUST NOT include a Link header."
	require.Empty(t, list("?n=0").Header.Get("Link"))
	s.get("/v2/"+repo+"/tags/list?n=x").requireError(t, http.StatusBadRequest, "UNSUPPORTED")
	s.get("/v2/no/such/tags/list").requireError(t, http.StatusNotFound, "NAME_UNKNOWN")
}

// referrer pushes a manifest whose subject is another, and returns its answer and digest.
func (s *site) referrer(subject, artifactType, note string) (*answer, string) {
	s.t.Helper()
	config := []byte(`{"text":"x"}`)
	extra := fmt.Sprintf(`"annotations":{"note":%q},"subject":{"mediaType":%q,"digest":%q,"size":2},`, note, ecr.MediaTypeImage, subject)
	if artifactType != "" {
		extra += fmt.Sprintf(`"artifactType":%q,`, artifactType)
	}
	m := bytes.Replace(ecrtest.Manifest(config), []byte(`"layers"`), []byte(extra+`"layers"`), 1)
	return s.put(repo, ecrtest.Digest(m), m, ecr.MediaTypeImage).requireStatus(s.t, http.StatusCreated), ecrtest.Digest(m)
}

func TestPushingManifestsWithSubject(t *testing.T) {
	s := newSite(t)
	_, digest := s.image(repo, "v1", "x")
	a, _ := s.referrer(digest, "application/x", "one")
	require.Equal(t, digest, a.Header.Get("OCI-Subject"))
	manifest, _ := s.image(repo, "v2", "x")
	require.Empty(t, s.put(repo, "v3", manifest, ecr.MediaTypeImage).Header.Get("OCI-Subject"))
}

type referrers struct {
	SchemaVersion int
	MediaType     string
	Manifests     []struct {
		MediaType, Digest, ArtifactType string
		Size                            int64
		Annotations                     map[string]string
	}
}

func (s *site) referrersOf(path string) (*answer, referrers) {
	s.t.Helper()
	a := s.get(path).requireStatus(s.t, http.StatusOK)
	require.Equal(s.t, ecr.MediaTypeIndex, a.Header.Get("Content-Type"))
	var r referrers
	require.NoError(s.t, json.Unmarshal(a.body, &r))
	require.Equal(s.t, 2, r.SchemaVersion)
	require.Equal(s.t, ecr.MediaTypeIndex, r.MediaType)
	require.NotNil(s.t, r.Manifests)
	return a, r
}

func TestListingReferrers(t *testing.T) {
	s := newSite(t)
	_, digest := s.image(repo, "v1", "x")
	path := "/v2/" + repo + "/referrers/" + digest
	_, none := s.referrersOf(path)
	require.Empty(t, none.Manifests)
	_, _ = s.referrersOf("/v2/" + repo + "/referrers/" + absent) // never 404
	_, sbom := s.referrer(digest, "application/vnd.example.sbom", "the sbom")
	_, plain := s.referrer(digest, "", "no type")
	list := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"manifests":[],"subject":{"mediaType":%q,"digest":%q,"size":2}}`, ecr.MediaTypeIndex, ecr.MediaTypeImage, digest)
	s.put(repo, "list", []byte(list), ecr.MediaTypeIndex).requireStatus(t, http.StatusCreated)
	_, all := s.referrersOf(path)
	require.Len(t, all.Manifests, 3)
	for _, m := range all.Manifests {
		switch m.Digest {
		case sbom:
			require.Equal(t, "application/vnd.example.sbom", m.ArtifactType)
			require.Equal(t, map[string]string{"note": "the sbom"}, m.Annotations)
			require.Equal(t, ecr.MediaTypeImage, m.MediaType)
			require.Positive(t, m.Size)
		case plain:
			require.Equal(t, "application/vnd.oci.image.config.v1+json", m.ArtifactType, "the config's media type")
		default:
			require.Equal(t, ecr.MediaTypeIndex, m.MediaType)
			require.Empty(t, m.ArtifactType)
		}
	}
	a, filtered := s.referrersOf(path + "?artifactType=application/vnd.example.sbom")
	require.Equal(t, "artifactType", a.Header.Get("OCI-Filters-Applied"))
	require.Len(t, filtered.Manifests, 1)
	require.Equal(t, sbom, filtered.Manifests[0].Digest)
	s.get("/v2/"+repo+"/referrers/sha256:zz").requireError(t, http.StatusBadRequest, "DIGEST_INVALID")
	s.get("/v2/no/such/referrers/"+digest).requireError(t, http.StatusNotFound, "NAME_UNKNOWN")
	s.do(http.MethodDelete, "/v2/"+repo+"/manifests/"+sbom, nil).requireStatus(t, http.StatusAccepted)
	_, all = s.referrersOf(path)
	require.Len(t, all.Manifests, 2)
}

// "The descriptors MUST include annotations", however many they are.
func TestListingReferrersWithLargeAnnotations(t *testing.T) {
	s := newSite(t)
	_, digest := s.image(repo, "v1", "x")
	note := strings.Repeat("n", 1_500_000)
	_, first := s.referrer(digest, "application/x", note+"1")
	_, second := s.referrer(digest, "application/x", note+"2")
	found := map[string]string{}
	for path, pages := "/v2/"+repo+"/referrers/"+digest, 0; path != ""; pages++ {
		require.Less(t, pages, 2)
		a, page := s.referrersOf(path)
		require.Len(t, page.Manifests, 1, "each page is bounded")
		found[page.Manifests[0].Digest] = page.Manifests[0].Annotations["note"]
		path, _, _ = strings.Cut(strings.TrimPrefix(a.Header.Get("Link"), "<"), `>; rel="next"`)
	}
	require.Equal(t, map[string]string{first: note + "1", second: note + "2"}, found)
}

// "A Link header MUST be included in the response when the descriptor list cannot be returned in a single manifest."
func TestListingReferrersInPages(t *testing.T) {
	s := newSite(t)
	_, digest := s.image(repo, "v1", "x")
	const many = 103
	for i := range many {
		s.referrer(digest, "application/x", fmt.Sprint(i))
	}
	seen := map[string]bool{}
	path, pages := "/v2/"+repo+"/referrers/"+digest, 0
	for ; path != ""; pages++ {
		a, page := s.referrersOf(path)
		for _, m := range page.Manifests {
			seen[m.Digest] = true
		}
		link, _, _ := strings.Cut(strings.TrimPrefix(a.Header.Get("Link"), "<"), `>; rel="next"`)
		path = link
	}
	require.Equal(t, 2, pages)
	require.Len(t, seen, many)
}

func TestDeletingTags(t *testing.T) {
	s := newSite(t)
	_, digest := s.image(repo, "v1", "x")
	s.do(http.MethodDelete, "/v2/"+repo+"/manifests/v1", nil).requireStatus(t, http.StatusAccepted)
	s.get("/v2/"+repo+"/manifests/v1").requireError(t, http.StatusNotFound, "MANIFEST_UNKNOWN")
	s.get("/v2/"+repo+"/manifests/"+digest).requireStatus(t, http.StatusOK)
	s.do(http.MethodDelete, "/v2/"+repo+"/manifests/v1", nil).requireError(t, http.StatusNotFound, "MANIFEST_UNKNOWN")
}

func TestDeletingManifests(t *testing.T) {
	s := newSite(t)
	manifest, digest := s.image(repo, "v1", "x")
	s.put(repo, "v2", manifest, ecr.MediaTypeImage).requireStatus(t, http.StatusCreated)
	s.do(http.MethodDelete, "/v2/"+repo+"/manifests/"+digest, nil).requireStatus(t, http.StatusAccepted)
	for _, reference := range []string{"v1", "v2", digest} {
		s.get("/v2/"+repo+"/manifests/"+reference).requireError(t, http.StatusNotFound, "MANIFEST_UNKNOWN")
	}
	s.do(http.MethodDelete, "/v2/"+repo+"/manifests/"+digest, nil).requireError(t, http.StatusNotFound, "MANIFEST_UNKNOWN")
	s.do(http.MethodDelete, "/v2/no/such/manifests/"+digest, nil).requireError(t, http.StatusNotFound, "NAME_UNKNOWN")
}

func TestDeletingBlobs(t *testing.T) {
	s := newSite(t)
	_, digest := s.image(repo, "v1", "x")
	layer := "/v2/" + repo + "/blobs/" + ecrtest.Digest([]byte("layer x"))
	// While an image has it, deletion is not allowed.
	s.do(http.MethodDelete, layer, nil).requireError(t, http.StatusMethodNotAllowed, "UNSUPPORTED")
	s.do(http.MethodDelete, "/v2/"+repo+"/manifests/"+digest, nil).requireStatus(t, http.StatusAccepted)
	s.do(http.MethodDelete, layer, nil).requireStatus(t, http.StatusAccepted)
	s.get(layer).requireError(t, http.StatusNotFound, "BLOB_UNKNOWN")
	s.do(http.MethodDelete, layer, nil).requireError(t, http.StatusNotFound, "BLOB_UNKNOWN")
}

func TestDeterminingSupport(t *testing.T) {
	s := newSite(t)
	a := s.get("/v2/").requireStatus(t, http.StatusOK)
	require.Equal(t, "registry/2.0", a.Header.Get("Docker-Distribution-Api-Version"))
}

func TestEndpoints(t *testing.T) {
	s := newSite(t)
	s.get("/v2/"+repo+"/nothing/here").requireStatus(t, http.StatusNotFound)
	a := s.do(http.MethodPost, "/v2/"+repo+"/manifests/v1", nil)
	a.requireError(t, http.StatusMethodNotAllowed, "UNSUPPORTED")
	require.Equal(t, "DELETE, GET, HEAD, PUT", a.Header.Get("Allow"))
	s.create("zoo")
	var catalog struct{ Repositories []string }
	require.NoError(t, json.Unmarshal(s.get("/v2/_catalog").requireStatus(t, http.StatusOK).body, &catalog))
	require.Equal(t, []string{repo, "zoo"}, catalog.Repositories)
	a = s.get("/v2/_catalog?n=1").requireStatus(t, http.StatusOK)
	require.Contains(t, a.Header.Get("Link"), "last=app%2Fweb")
}
