package ecr

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzParseManifest: what is taken for a manifest refers to valid digests only, and within the limits.
func FuzzParseManifest(f *testing.F) {
	for _, seed := range []string{
		`{}`, `[]`, `null`, `{"schemaVersion":2,"config":{"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}`,
		`{"schemaVersion":2,"manifests":[{"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":-1}]}`,
		`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","subject":{"digest":"x"}}`,
	} {
		f.Add([]byte(seed), "")
		f.Add([]byte(seed), MediaTypeImage)
	}
	f.Fuzz(func(t *testing.T, content []byte, mediaType string) {
		m, err := parseManifest(content, mediaType)
		if err != nil {
			require.True(t, HasReason(err, InvalidManifest) || HasReason(err, ManifestTooLarge))
			return
		}
		require.NotEmpty(t, m.mediaType)
		require.LessOrEqual(t, len(m.layers)+len(m.images), maxDescriptors+1)
		for _, digest := range append(m.layers, m.images...) {
			require.True(t, ValidDigest(digest))
		}
	})
}
