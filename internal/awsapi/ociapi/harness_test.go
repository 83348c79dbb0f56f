package ociapi_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/awsapi/awsapitest"
	"coffer.example/internal/awsapi/ecrapi"
	"coffer.example/internal/awsapi/ociapi"
	"coffer.example/internal/ecr"
	"coffer.example/internal/ecr/ecrtest"
	"coffer.example/internal/testkit"
	"github.com/stretchr/testify/require"
)

// site is a running registry and a client of it.
type site struct {
	t           *testing.T
	world       *ecrtest.World
	service     *ecr.Service
	credentials awsapitest.Keys
	aws         testkit.AWS
	password    string
}

const repo = "app/web"

// newSite serves a world with the repository app/web.
func newSite(t *testing.T) *site {
	s := &site{t: t, world: ecrtest.New(t), credentials: awsapitest.Keys{
		awsapitest.AccessKeyID: {Secret: awsapitest.Secret, Principal: awsapitest.Root(ecrtest.Account)},
		"AKIAOTHER":            {Secret: awsapitest.Secret, Principal: awsapitest.Root(ecrtest.OtherAccount)},
	}}
	s.service = s.world.Start()
	tokens := s.world.Keys.TokenKey()
	front := awsapi.New(awsapi.Options{
		Services:    []*awsapi.Service{ecrapi.New(ecrapi.Options{Service: s.service, Tokens: tokens})},
		Credentials: s.credentials,
		Recorder:    s.world.Trail,
		Now:         s.now,
		Mounts: map[string]http.Handler{ociapi.Prefix: ociapi.New(ociapi.Options{
			Service: s.service, Tokens: ociapi.Tokens{Key: tokens}, Credentials: s.credentials, Recorder: s.world.Trail, Now: s.now,
		})},
	})
	s.aws = awsapitest.Serve(t, front)
	s.create(repo)
	s.password = s.login(awsapitest.AccessKeyID)
	return s
}

// offset is how far the front end's clock is from the real one, by which clients sign.
func (s *site) now() time.Time {
	return time.Now().Add(s.world.Now().Sub(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)))
}

func (s *site) create(name string) {
	s.t.Helper()
	_, err := s.service.CreateRepository(s.t.Context(), ecrtest.Root(ecrtest.Account), ecr.CreateRepositoryInput{
		Name: ecr.Name{Repository: name}, Encryption: ecr.Encryption{Type: ecr.EncryptionKMS},
	})
	require.NoError(s.t, err)
}

// login gets a registry token for an access key, by the API.
func (s *site) login(accessKey string) string {
	s.t.Helper()
	body := []byte("{}")
	r, err := http.NewRequest(http.MethodPost, s.aws.Endpoint+"/", bytes.NewReader(body))
	require.NoError(s.t, err)
	r.Header.Set("X-Amz-Target", "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken")
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	awsapitest.SignAs(s.t, r, accessKey, awsapitest.Secret, "ecr", ecrtest.Region, body, s.now())
	resp, err := http.DefaultClient.Do(r)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	var answer struct {
		AuthorizationData []struct{ AuthorizationToken, ProxyEndpoint string }
	}
	require.NoError(s.t, json.NewDecoder(resp.Body).Decode(&answer))
	require.Equal(s.t, s.aws.Endpoint, answer.AuthorizationData[0].ProxyEndpoint)
	raw, err := base64.StdEncoding.DecodeString(answer.AuthorizationData[0].AuthorizationToken)
	require.NoError(s.t, err)
	user, password, _ := strings.Cut(string(raw), ":")
	require.Equal(s.t, "AWS", user)
	return password
}

// answer is a response that was read to its end.
type answer struct {
	*http.Response
	body []byte
}

// do makes a request; headers are pairs of name and value.
func (s *site) do(method, path string, body io.Reader, headers ...string) *answer {
	s.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = s.aws.Endpoint + path
	}
	r, err := http.NewRequest(method, path, body)
	require.NoError(s.t, err)
	r.SetBasicAuth("AWS", s.password)
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return &answer{resp, read}
}

func (s *site) get(path string, headers ...string) *answer {
	return s.do(http.MethodGet, path, nil, headers...)
}

func (s *site) head(path string) *answer { return s.do(http.MethodHead, path, nil) }

// requireError expects a refusal in the form of "Error Codes".
func (a *answer) requireError(t *testing.T, status int, code string) {
	t.Helper()
	require.Equal(t, status, a.StatusCode, string(a.body))
	if a.Request.Method == http.MethodHead {
		return
	}
	var e struct {
		Errors []struct{ Code, Message string }
	}
	require.NoError(t, json.Unmarshal(a.body, &e), string(a.body))
	require.NotEmpty(t, e.Errors)
	require.Equal(t, code, e.Errors[0].Code, string(a.body))
}

func (a *answer) requireStatus(t *testing.T, status int) *answer {
	t.Helper()
	require.Equal(t, status, a.StatusCode, string(a.body))
	return a
}

// start starts an upload and returns its location.
func (s *site) start(name string) string {
	s.t.Helper()
	return s.do(http.MethodPost, "/v2/"+name+"/blobs/uploads/", nil).requireStatus(s.t, http.StatusAccepted).Header.Get("Location")
}

// push pushes a blob and returns its digest.
func (s *site) push(name string, content []byte) string {
	s.t.Helper()
	digest := ecrtest.Digest(content)
	s.do(http.MethodPut, s.start(name)+"?digest="+digest, bytes.NewReader(content)).requireStatus(s.t, http.StatusCreated)
	return digest
}

// put pushes a manifest.
func (s *site) put(name, reference string, manifest []byte, contentType string) *answer {
	s.t.Helper()
	return s.do(http.MethodPut, "/v2/"+name+"/manifests/"+reference, bytes.NewReader(manifest), "Content-Type", contentType)
}

// image pushes an image of a config and a layer that are made of a text.
func (s *site) image(name, tag, text string) (manifest []byte, digest string) {
	s.t.Helper()
	config, layer := []byte(`{"text":"`+text+`"}`), []byte("layer "+text)
	s.push(name, config)
	s.push(name, layer)
	manifest = ecrtest.Manifest(config, layer)
	s.put(name, tag, manifest, ecr.MediaTypeImage).requireStatus(s.t, http.StatusCreated)
	return manifest, ecrtest.Digest(manifest)
}
