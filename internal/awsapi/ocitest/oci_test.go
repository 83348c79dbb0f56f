// Package ocitest runs others' programs against the registry: the conformance program of the OCI distribution-spec and
// crane. It is a module of its own, so that they are no dependencies of coffer: cd here and go test.
package ocitest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/awsapi/awsapitest"
	"coffer.example/internal/awsapi/ecrapi"
	"coffer.example/internal/awsapi/ociapi"
	"coffer.example/internal/ecr"
	"coffer.example/internal/ecr/ecrtest"
	"github.com/stretchr/testify/require"
)

// registry is a served registry.
type registry struct {
	service  *ecr.Service
	address  string // host:port
	password string
}

func serve(t *testing.T) registry {
	w := ecrtest.New(t)
	service, tokens := w.Start(), w.Keys.TokenKey()
	credentials := awsapitest.Keys{awsapitest.AccessKeyID: {Secret: awsapitest.Secret, Principal: awsapitest.Root(ecrtest.Account)}}
	aws := awsapitest.Serve(t, awsapi.New(awsapi.Options{
		Services:    []*awsapi.Service{ecrapi.New(ecrapi.Options{Service: service, Tokens: tokens})},
		Credentials: credentials,
		Mounts:      map[string]http.Handler{ociapi.Prefix: ociapi.New(ociapi.Options{Service: service, Tokens: ociapi.Tokens{Key: tokens}, Credentials: credentials})},
	}))
	password := strings.TrimSpace(aws.Succeed(t, "ecr", "get-login-password"))
	return registry{service, strings.TrimPrefix(aws.Endpoint, "http://"), password}
}

func (r registry) create(t *testing.T, name, encryption string) {
	t.Helper()
	_, err := r.service.CreateRepository(t.Context(), ecrtest.Root(ecrtest.Account), ecr.CreateRepositoryInput{
		Name: ecr.Name{Repository: name}, Encryption: ecr.Encryption{Type: encryption},
	})
	require.NoError(t, err)
}

// build builds a program of this module's requirements.
func build(t *testing.T, program string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), filepath.Base(program))
	built, err := exec.Command("go", "build", "-o", out, program).CombinedOutput()
	require.NoError(t, err, string(built))
	return out
}

// Every check of the conformance program passes, for each way of encryption; those of later versions of the specification too.
func TestConformance(t *testing.T) {
	program := build(t, "github.com/opencontainers/distribution-spec/conformance")
	for _, encryption := range []string{ecr.EncryptionAES256, ecr.EncryptionKMS, ecr.EncryptionDSSE} {
		for _, version := range []string{"1.1", "dev"} {
			t.Run(encryption+" "+version, func(t *testing.T) {
				r := serve(t)
				r.create(t, "conformance/repo1", encryption)
				r.create(t, "conformance/repo2", encryption)
				results := t.TempDir()
				run := exec.Command(program)
				run.Env = append(os.Environ(), "OCI_VERSION="+version, "OCI_RESULTS_DIR="+results, "OCI_REGISTRY="+r.address, "OCI_TLS=disabled",
					"OCI_USERNAME=AWS", "OCI_PASSWORD="+r.password, "OCI_API_BLOBS_UPLOAD_CANCEL=true", "OCI_API_BLOBS_DIGEST_HEADER=true",
					"OCI_API_MANIFESTS_DIGEST_HEADER=true")
				out, err := run.CombinedOutput()
				require.NoError(t, err, firstFailures(string(out)))
				passed := regexp.MustCompile(`Pass\.*: +(\d+)`).FindSubmatch(out)
				require.NotNil(t, passed, "a summary")
				t.Logf("%s checks passed", passed[1])
				require.Empty(t, failures(string(out)), "nor was any skipped")
			})
		}
	}
}

// failures are the lines of the program's report on checks that did not pass.
func failures(out string) (lines []string) {
	for line := range strings.Lines(out) {
		if strings.HasPrefix(strings.TrimSpace(line), "OCI Conformance Test/") && !strings.HasSuffix(line, ": Pass\n") && !strings.HasSuffix(line, ": Disabled\n") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

func firstFailures(out string) string {
	all := failures(out)
	return strings.Join(all[:min(len(all), 20)], "\n")
}

// crane pushes an image of several layers, copies it to another repository and pulls it: every digest stays what it was.
func TestCrane(t *testing.T) {
	program := build(t, "github.com/google/go-containerregistry/cmd/crane")
	r := serve(t)
	config := t.TempDir()
	crane := func(args ...string) string {
		t.Helper()
		run := exec.Command(program, append(args, "--insecure")...)
		run.Env = append(os.Environ(), "DOCKER_CONFIG="+config)
		out, err := run.CombinedOutput()
		require.NoError(t, err, string(out))
		return strings.TrimSpace(string(out))
	}
	crane("auth", "login", r.address, "--username", "AWS", "--password", r.password)
	image := ecrtest.ImageLayout(t, 3)
	digest := digestOf(t, image)
	for i, encryption := range []string{ecr.EncryptionAES256, ecr.EncryptionKMS, ecr.EncryptionDSSE} {
		name, copied := fmt.Sprint("crane/from", i), fmt.Sprint("crane/to", i)
		r.create(t, name, encryption)
		r.create(t, copied, encryption)
		source, target := r.address+"/"+name+":v1", r.address+"/"+copied+":v1"
		crane("push", image, source)
		require.Equal(t, digest, crane("digest", source))
		crane("copy", source, target)
		pulled := filepath.Join(t.TempDir(), "image")
		crane("pull", "--format=oci", target, pulled)
		require.Equal(t, digest, digestOf(t, pulled))
		require.Equal(t, ecrtest.LayoutBlobs(t, image), ecrtest.LayoutBlobs(t, pulled))
		require.Equal(t, "v1", crane("ls", r.address+"/"+copied))
		crane("validate", "--remote", target)
	}
}

// digestOf is the digest of the one image of a layout.
func digestOf(t *testing.T, dir string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "index.json"))
	require.NoError(t, err)
	var index struct{ Manifests []struct{ Digest string } }
	require.NoError(t, json.Unmarshal(raw, &index))
	require.Len(t, index.Manifests, 1)
	return index.Manifests[0].Digest
}
