package ecrtest

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
	"github.com/stretchr/testify/require"
)

// layout is an image of several layers in an OCI layout.
type layout struct {
	t   testing.TB
	dir string
}

func (l layout) blob(content []byte) (digest string, size int) {
	l.t.Helper()
	digest = Digest(content)
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

// ImageLayout makes an image of layers in an OCI layout, tagged v1, and returns its directory.
func ImageLayout(t testing.TB, count int) string {
	l := layout{t, t.TempDir()}
	require.NoError(t, os.MkdirAll(filepath.Join(l.dir, "blobs", "sha256"), 0o700))
	var layers, diffIDs []string
	for number := range count {
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

// LayoutBlobs are the blobs of a layout by digest.
func LayoutBlobs(t testing.TB, dir string) map[string]string {
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
