package ecr_test

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"runtime"
	"testing"

	"coffer.example/internal/blob/dirblob"
	"coffer.example/internal/ecr"
	"coffer.example/internal/ecr/ecrtest"
	"github.com/stretchr/testify/require"
)

// layerMiB is the size of the layer of TestMemoryIsBounded: go test -run Bounded -args -layer.mib 10240 takes one of 10 GiB.
var layerMiB = flag.Int64("layer.mib", 96, "MiB of the layer whose push and pull are measured")

// maxHeap bounds how much the heap grows while a layer of any size is pushed and pulled, garbage included.
const maxHeap = 24 << 20

// heapPeak notes the largest heap, looking whenever bytes pass.
type heapPeak struct{ most uint64 }

func (h *heapPeak) look() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	h.most = max(h.most, m.HeapAlloc)
}

// Write implements io.Writer.
func (h *heapPeak) Write(p []byte) (int, error) { h.look(); return len(p), nil }

// repeating is n bytes of one block again and again.
type repeating struct {
	block []byte
	left  int64
	at    int
	peak  *heapPeak // nil: nobody looks
}

func (r *repeating) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	if r.peak != nil && r.at == 0 {
		r.peak.look()
	}
	n := copy(p[:min(int64(len(p)), r.left)], r.block[r.at:])
	r.at = (r.at + n) % len(r.block)
	r.left -= int64(n)
	return n, nil
}

// Memory does not grow with a layer, on disk and sealed twice.
func TestMemoryIsBounded(t *testing.T) {
	w := ecrtest.New(t)
	blobs, err := dirblob.Open(t.TempDir())
	require.NoError(t, err)
	w.Blobs = blobs
	s := w.Start()
	create(t, s, "app", ecr.EncryptionDSSE, "")
	size := *layerMiB << 20
	block := noise(1, 1<<20)
	digest := digestOfAll(t, &repeating{block: block, left: size})

	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	peak := &heapPeak{}
	id, err := s.StartUpload(ctx, root, name("app"))
	require.NoError(t, err)
	_, err = s.Append(ctx, root, name("app"), id, 0, &repeating{block: block, left: size, peak: peak})
	require.NoError(t, err)
	_, err = s.CompleteUpload(ctx, root, name("app"), id, digest)
	require.NoError(t, err)
	content, err := s.OpenLayer(ctx, root, name("app"), digest)
	require.NoError(t, err)
	require.NoError(t, content.WriteRange(peak, 0, size))
	require.NoError(t, content.Close())
	grown := int64(peak.most) - int64(before.HeapAlloc)
	t.Logf("%d MiB: the heap grew by %d KiB", *layerMiB, grown>>10)
	require.Less(t, grown, int64(maxHeap))
}

func digestOfAll(t *testing.T, from io.Reader) string {
	t.Helper()
	sum := sha256.New()
	_, err := io.Copy(sum, from)
	require.NoError(t, err)
	return fmt.Sprintf("sha256:%x", sum.Sum(nil))
}
