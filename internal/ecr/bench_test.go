package ecr_test

import (
	"bytes"
	"crypto/sha256"
	"io"
	"testing"

	"coffer.example/internal/blob/dirblob"
	"coffer.example/internal/ecr"
	"coffer.example/internal/ecr/ecrtest"
	"github.com/stretchr/testify/require"
)

// Pushes and pulls of a layer, on disk. The baseline hashes and stores it in clear.
const benchSize = 64 << 20

func BenchmarkPush(b *testing.B) {
	content := noise(1, benchSize)
	b.Run("baseline", func(b *testing.B) {
		blobs, err := dirblob.Open(b.TempDir())
		require.NoError(b, err)
		b.SetBytes(benchSize)
		for b.Loop() {
			sum := sha256.New()
			err := blobs.Put(ctx, "layer", func(w io.Writer) error {
				_, err := io.CopyBuffer(io.MultiWriter(w, sum), struct{ io.Reader }{bytes.NewReader(content)}, make([]byte, 256<<10))
				return err
			})
			require.NoError(b, err)
			b.StopTimer()
			require.NoError(b, blobs.Delete(ctx, "layer"))
			b.StartTimer()
		}
	})
	for _, encryption := range encryptions {
		b.Run(encryption, func(b *testing.B) {
			s := benchService(b, encryption)
			b.SetBytes(benchSize)
			for b.Loop() {
				require.NoError(b, pushLayer(s, root, "app", content))
				b.StopTimer()
				require.NoError(b, s.DeleteLayer(ctx, root, name("app"), ecrtest.Digest(content)))
				b.StartTimer()
			}
		})
	}
}

func BenchmarkPull(b *testing.B) {
	content := noise(1, benchSize)
	for _, encryption := range encryptions {
		b.Run(encryption, func(b *testing.B) {
			s := benchService(b, encryption)
			require.NoError(b, pushLayer(s, root, "app", content))
			b.SetBytes(benchSize)
			for b.Loop() {
				layer, err := s.OpenLayer(ctx, root, name("app"), ecrtest.Digest(content))
				require.NoError(b, err)
				require.NoError(b, layer.WriteRange(io.Discard, 0, layer.Size()))
				require.NoError(b, layer.Close())
			}
		})
	}
}

func benchService(b *testing.B, encryption string) *ecr.Service {
	w := ecrtest.New(b)
	blobs, err := dirblob.Open(b.TempDir())
	require.NoError(b, err)
	w.Blobs = blobs
	s := w.Start()
	create(b, s, "app", encryption, "")
	return s
}
