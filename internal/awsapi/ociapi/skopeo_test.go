package ociapi_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coffer.example/internal/ecr"
	"coffer.example/internal/ecr/ecrtest"
	"coffer.example/internal/testkit"
	"github.com/stretchr/testify/require"
)

// layout is an image of several layers in an OCI layout.
type layout struct {
	t   *testing.T
	dir string
}

func (l layout) blob(content []byte) (digest string, size int) {
	l.t.Helper()
	digest = ecrtest.Digest(content)
	require.NoError(l.t, os.WriteFile(filepath.Join(l.dir, "blobs", "sha256", strings.TrimPrefix(digest, "sha256:")), content, 0o600))
	return digest, len(content)
}

// layer returns a gzipped tar of one file, and the digest of the tar.
func (l layout) layer(number int) (zipped []byte, diffID string) {
	l.t.Helper()
	noise := make([]byte, 400_000*number)
	_, _ = rand.NewChaCha8([32]byte{byte(number)}).Read(noise)
	content := append(bytes.Repeat([]byte("plain text of a layer\n"), 5000), noise...)
	var raw bytes.Buffer
	archive := tar.NewWriter(&raw)
	require.NoError(l.t, archive.WriteHeader(&tar.Header{Name: fmt.Sprintf("file%d", number), Mode: 0o644, Size: int64(len(content))}))
	_, err := archive.Write(content)
	require.NoError(l.t, err)
	require.NoError(l.t, archive.Close())
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	_, err = zip.Write(raw.Bytes())
	require.NoError(l.t, err)
	require.NoError(l.t, zip.Close())
	return packed.Bytes(), fmt.Sprintf("sha256:%x", sha256.Sum256(raw.Bytes()))
}

// makeLayout makes an image of three layers, and returns its directory.
func makeLayout(t *testing.T) string {
	l := layout{t, t.TempDir()}
	require.NoError(t, os.MkdirAll(filepath.Join(l.dir, "blobs", "sha256"), 0o700))
	var layers, diffIDs []string
	for number := range 3 {
		zipped, diffID := l.layer(number)
		digest, size := l.blob(zipped)
		layers = append(layers, fmt.Sprintf(`{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":%q,"size":%d}`, digest, size))
		diffIDs = append(diffIDs, diffID)
	}
	ids, err := json.Marshal(diffIDs)
	require.NoError(t, err)
	config, size := l.blob(fmt.Appendf(nil, `{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":%s}}`, ids))
	manifest, manifestSize := l.blob(fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":%q,"size":%d},"layers":[%s]}`,
		ecr.MediaTypeImage, config, size, strings.Join(layers, ",")))
	for name, content := range map[string]string{
		"oci-layout": `{"imageLayoutVersion":"1.0.0"}`,
		"index.json": fmt.Sprintf(`{"schemaVersion":2,"manifests":[{"mediaType":%q,"digest":%q,"size":%d,"annotations":{"org.opencontainers.image.ref.name":"v1"}}]}`, ecr.MediaTypeImage, manifest, manifestSize),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(l.dir, name), []byte(content), 0o600))
	}
	return l.dir
}

func blobsOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	entries, err := os.ReadDir(filepath.Join(dir, "blobs", "sha256"))
	require.NoError(t, err)
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(dir, "blobs", "sha256", entry.Name()))
		require.NoError(t, err)
		out[entry.Name()] = string(content)
	}
	return out
}

// skopeo copies an image of several layers in and out: every digest stays what it was.
func TestSkopeo(t *testing.T) {
	s := newSite(t)
	image := makeLayout(t)
	address := "docker://" + strings.TrimPrefix(s.aws.Endpoint, "http://") + "/"
	for i, encryption := range []string{ecr.EncryptionAES256, ecr.EncryptionKMS, ecr.EncryptionDSSE} {
		name := fmt.Sprint("skopeo/", i)
		_, err := s.service.CreateRepository(t.Context(), ecrtest.Root(ecrtest.Account), ecr.CreateRepositoryInput{Name: ecr.Name{Repository: name}, Encryption: ecr.Encryption{Type: encryption}})
		require.NoError(t, err)
		copied := t.TempDir()
		testkit.Run(t, "skopeo", "--policy", acceptAnything(t), "copy", "--quiet", "--dest-tls-verify=false", "--dest-creds", "AWS:"+s.password, "oci:"+image+":v1", address+name+":v1")
		testkit.Run(t, "skopeo", "--policy", acceptAnything(t), "copy", "--quiet", "--src-tls-verify=false", "--src-creds", "AWS:"+s.password, address+name+":v1", "oci:"+copied+":v1")
		require.Equal(t, blobsOf(t, image), blobsOf(t, copied))
		require.JSONEq(t, `{"Repository":"`+strings.TrimPrefix(address, "docker://")+name+`","Tags":["v1"]}`,
			testkit.Run(t, "skopeo", "list-tags", "--tls-verify=false", "--creds", "AWS:"+s.password, address+name))
	}
	testkit.Run(t, "skopeo", "delete", "--tls-verify=false", "--creds", "AWS:"+s.password, address+"skopeo/1:v1")
	failed := testkit.Command{Name: "skopeo", Args: []string{"inspect", "--tls-verify=false", "--creds", "AWS:" + s.password, address + "skopeo/1:v1"}}.Fail(t)
	require.Contains(t, failed, "manifest unknown")
}

func acceptAnything(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "policy.json")
	require.NoError(t, os.WriteFile(path, []byte(`{"default":[{"type":"insecureAcceptAnything"}]}`), 0o600))
	return path
}
