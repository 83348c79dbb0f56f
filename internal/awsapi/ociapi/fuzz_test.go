package ociapi

import (
	"strings"
	"testing"

	"coffer.example/internal/ecr"
	"github.com/stretchr/testify/require"
)

// FuzzByteRange: what a range gives lies within the content.
func FuzzByteRange(f *testing.F) {
	for _, seed := range []string{"bytes=0-0", "bytes=-5", "bytes=5-", "bytes=9223372036854775807-", "bytes=0-9223372036854775807", "bytes=-", "bytes=1-0", "bytes=0-1,2-3", "x"} {
		f.Add(seed, int64(10))
	}
	f.Fuzz(func(t *testing.T, header string, size int64) {
		if size < 0 {
			return
		}
		offset, length, ok, err := byteRange(header, size)
		if ok {
			require.NoError(t, err)
			require.True(t, offset >= 0 && length > 0 && offset <= size-length, "%d+%d of %d", offset, length, size)
		}
	})
}

// FuzzChunkRange: what is read as a chunk's range is its text again.
func FuzzChunkRange(f *testing.F) {
	for _, seed := range []string{"0-0", "0-9223372036854775807", "5-4", "-1", "1-", "00-01", "9223372036854775807-9223372036854775807"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		offset, length, ok := chunkRange(header)
		if ok {
			require.Regexp(t, "^[0-9]+-[0-9]+$", header)
			require.GreaterOrEqual(t, offset, int64(0))
			require.Positive(t, length)
		}
	})
}

// FuzzFind: a path that is found and whose name is valid is its parts again.
func FuzzFind(f *testing.F) {
	for _, seed := range []string{"/v2/", "/v2/a/blobs/uploads/", "/v2/a/b/manifests/v1", "/v2/a/tags/list", "/v2/a/blobs/sha256:0", "/v2/blobs/uploads/blobs/uploads/x", "/v2//", "/v2/_catalog"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		found := find(path)
		if found == nil || found.registry || found.checkName() != nil {
			return
		}
		require.True(t, ecr.ValidName(found.name))
		require.True(t, strings.HasPrefix(path, Prefix+found.name+"/"))
		require.True(t, strings.HasSuffix(strings.TrimSuffix(path, "/"), found.reference) || strings.HasSuffix(path, found.reference))
	})
}
