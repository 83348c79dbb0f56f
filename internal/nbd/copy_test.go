package nbd

import (
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// sparseImage writes a raw image with data, holes and an end that is no multiple of a block.
func sparseImage(t testing.TB, size int64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "src.img")
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, f.Truncate(size))
	data := make([]byte, size/8)
	rand.Read(data)
	for _, at := range []int64{0, size / 4, size/2 + 64<<10, size - size/8} {
		_, err := f.WriteAt(data, at)
		require.NoError(t, err)
	}
	return path
}

// dirtyExport is an export full of random data: a server that acknowledges
// WRITE_ZEROES without zeroing passes on a fresh one.
func dirtyExport(t testing.TB, size int64) *memoryExport {
	m := newMemoryExport(size)
	data := make([]byte, size)
	rand.Read(data)
	require.NoError(t, m.WriteAt(t.Context(), data, 0))
	return m
}

func TestNbdcopy(t *testing.T) {
	const size = 16<<20 + 512
	image := sparseImage(t, size)
	for name, flags := range map[string][]string{
		"default":     {},
		"multi-conn":  {"--flush", "--requests=64", "--connections=4"},
		"synchronous": {"--synchronous"},
		"allocated":   {"--allocated"},
		"large":       {"--request-size=33554432"},
	} {
		t.Run(name, func(t *testing.T) {
			vol, second := dirtyExport(t, size), dirtyExport(t, size)
			s := start(t, Options{}, nil, map[string]Export{"vol": vol, "second": second})
			succeed(t, "nbdcopy", append(flags, image, s.uri("vol"))...)
			succeed(t, "qemu-img", "compare", "-f", "raw", "-F", "raw", image, s.uri("vol"))
			succeed(t, "nbdcopy", append(flags, s.uri("vol"), s.uri("second"))...)
			back := filepath.Join(t.TempDir(), "dst.img")
			succeed(t, "nbdcopy", append(flags, s.uri("second"), back)...)
			succeed(t, "cmp", image, back)
			if name == "multi-conn" {
				require.NotZero(t, vol.flushed())
			}
		})
	}
}

// TestNbdkitAsClient copies through nbdkit's nbd plugin; its checkwrite filter then
// fails a write that differs from what the export holds.
func TestNbdkitAsClient(t *testing.T) {
	const size = 8 << 20
	image := sparseImage(t, size)
	s := start(t, Options{}, nil, map[string]Export{"vol": dirtyExport(t, size)})
	succeed(t, "nbdcopy", "--", image, "[", "nbdkit", "nbd", "uri="+s.uri("vol"), "]")
	succeed(t, "nbdcopy", "--", image, "[", "nbdkit", "--filter=checkwrite", "nbd", "uri="+s.uri("vol"), "]")
}

func TestQemuImg(t *testing.T) {
	const size = 16 << 20
	image := sparseImage(t, size)
	vol := dirtyExport(t, size)
	s := start(t, Options{}, nil, map[string]Export{"vol": vol})
	succeed(t, "qemu-img", "convert", "-n", "-W", "-m", "16", "-f", "raw", "-O", "raw", image, s.uri("vol"))
	succeed(t, "qemu-img", "compare", "-f", "raw", "-F", "raw", image, s.uri("vol"))

	var runs []struct {
		Start, Length int64
		Zero, Data    bool
	}
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "qemu-img", "map", "--output=json", "-f", "raw", s.uri("vol"))), &runs))
	require.Len(t, runs, 7, "%+v", runs)
	for i, run := range runs {
		require.Equal(t, i%2 == 1, run.Zero, "%+v", runs)
		require.Equal(t, i%2 == 0, run.Data, "%+v", runs)
	}
	copied := filepath.Join(t.TempDir(), "out.qcow2")
	succeed(t, "qemu-img", "convert", "-f", "raw", "-O", "qcow2", s.uri("vol"), copied)
	succeed(t, "qemu-img", "compare", "-f", "raw", "-F", "qcow2", image, copied)
}

func TestQemuIO(t *testing.T) {
	vol := dirtyExport(t, 8<<20)
	s := start(t, Options{}, nil, map[string]Export{"vol": vol})
	succeed(t, "qemu-io", "-f", "raw",
		"-c", "write -P 0xa5 0 1M", "-c", "write -P 0x5a -f 1M 64k", "-c", "read -P 0xa5 0 1M", "-c", "read -P 0x5a 1M 64k",
		"-c", "write -z 512k 128k", "-c", "write -z -u 256k 64k", "-c", "read -P 0 512k 128k", "-c", "read -P 0 256k 64k",
		"-c", "discard 1M 64k", "-c", "read -P 0xa5 384k 128k", "-c", "write -P 1 513 77", "-c", "read -P 1 513 77", "-c", "flush", s.uri("vol"))
	succeed(t, "qemu-io", "-f", "raw",
		"-c", "aio_write -P 1 0 64k", "-c", "aio_write -P 2 64k 64k", "-c", "aio_flush", "-c", "read -P 1 0 64k", "-c", "read -P 2 64k 64k", s.uri("vol"))
	_, _, status := client(t, "qemu-io", "-f", "raw", "-c", "read -P 0x11 0 4k", s.uri("vol"))
	require.Equal(t, 1, status, "a wrong pattern must be found")
	require.NotZero(t, vol.flushed())
}
