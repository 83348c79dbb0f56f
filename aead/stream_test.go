package aead

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	mathrand "math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func sealStream(t testing.TB, suite Suite, plaintext []byte) []byte {
	t.Helper()
	return sealStreamWith(t, rand.Reader, suite, plaintext)
}

func sealStreamWith(t testing.TB, rand io.Reader, suite Suite, plaintext []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := NewStreamWriter(&out, rand, testDataKey(t).Secret(), StreamSpec{suite, []byte("context"), int64(len(plaintext))}, AllowTableAES)
	require.NoError(t, err)
	_, err = w.Write(plaintext)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

func openStream(t testing.TB, sealed []byte) (*StreamReader, error) {
	t.Helper()
	return OpenStream(bytes.NewReader(sealed), int64(len(sealed)), testDataKey(t).Secret(), []byte("context"), AllowTableAES)
}

func pattern(n int) []byte {
	b := make([]byte, n)
	r := mathrand.NewChaCha8([32]byte{1})
	r.Read(b)
	return b
}

func TestStreamRanges(t *testing.T) {
	for _, suite := range suites {
		for _, n := range []int{0, 1, StreamChunkSize - 1, StreamChunkSize, StreamChunkSize + 1, 3*StreamChunkSize + 17} {
			plaintext := pattern(n)
			r, err := openStream(t, sealStream(t, suite, plaintext))
			require.NoError(t, err)
			require.Equal(t, int64(n), r.Size())
			require.NoError(t, iotest.TestReader(io.NewSectionReader(r, 0, r.Size()), plaintext))
			for range 50 {
				off := mathrand.IntN(n + 1)
				p := make([]byte, mathrand.IntN(n+1))
				k, err := r.ReadAt(p, int64(off))
				require.Equal(t, plaintext[off:off+k], p[:k])
				if off+len(p) > n || off == n {
					require.ErrorIs(t, err, io.EOF)
				} else {
					require.NoError(t, err)
					require.Len(t, p, k)
				}
			}
			_, err = r.ReadAt(nil, -1)
			require.ErrorIs(t, err, ErrSize)
		}
	}
}

func TestStreamWritesOfAnySize(t *testing.T) {
	plaintext := pattern(2*StreamChunkSize + 5)
	var out bytes.Buffer
	w, err := NewStreamWriter(&out, rand.Reader, testDataKey(t).Secret(), StreamSpec{Context: []byte("context"), Length: UnknownLength})
	require.NoError(t, err)
	require.Nil(t, w.Header())
	_, err = io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{bytes.NewReader(plaintext)}, make([]byte, 1000))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.Error(t, w.Close())
	_, err = w.Write([]byte{1})
	require.Error(t, err)

	// Before the chunks or apart from them, the header opens the stream.
	r, err := openStream(t, append(w.Header(), out.Bytes()...))
	require.NoError(t, err)
	require.NoError(t, iotest.TestReader(io.NewSectionReader(r, 0, r.Size()), plaintext))
	_, err = OpenDetachedStream(w.Header(), bytes.NewReader(out.Bytes()), int64(out.Len()), testDataKey(t).Secret(), []byte("context"))
	require.NoError(t, err)
}

func TestStreamTampering(t *testing.T) {
	plaintext := pattern(3*StreamChunkSize + 100)
	sealed := sealStream(t, SuiteAES256GCM, plaintext)
	chunk := func(b []byte, i int) []byte {
		start := StreamHeaderSize + i*sealedChunkSize
		return b[start:min(start+sealedChunkSize, len(b))]
	}
	readAll := func(b []byte) error {
		r, err := openStream(t, b)
		if err == nil {
			_, err = r.ReadAt(make([]byte, r.Size()), 0)
		}
		return err
	}
	require.NoError(t, readAll(sealed))
	for name, change := range map[string]func(b []byte) []byte{
		"last chunk dropped": func(b []byte) []byte { return b[:StreamHeaderSize+3*sealedChunkSize] },
		"one byte dropped":   func(b []byte) []byte { return b[:len(b)-1] },
		"one byte added":     func(b []byte) []byte { return append(b, 0) },
		"chunk added":        func(b []byte) []byte { return append(b, chunk(b, 1)...) },
		"chunks exchanged": func(b []byte) []byte {
			c := bytes.Clone(chunk(b, 0))
			copy(chunk(b, 0), chunk(b, 1))
			copy(chunk(b, 1), c)
			return b
		},
		"chunk repeated":         func(b []byte) []byte { copy(chunk(b, 1), chunk(b, 0)); return b },
		"chunk of another run":   func(b []byte) []byte { copy(chunk(b, 1), chunk(sealStream(t, SuiteAES256GCM, plaintext), 1)); return b },
		"header of another run":  func(b []byte) []byte { copy(b, sealStream(t, SuiteAES256GCM, plaintext)[:StreamHeaderSize]); return b },
		"header of a short run":  func(b []byte) []byte { copy(b, sealStream(t, SuiteAES256GCM, nil)[:StreamHeaderSize]); return b },
		"suite exchanged":        func(b []byte) []byte { b[5] = byte(SuiteChaCha20Poly1305); return b },
		"first byte of last tag": func(b []byte) []byte { b[len(b)-TagSize] ^= 1; return b },
	} {
		require.ErrorIs(t, readAll(change(bytes.Clone(sealed))), ErrOpen, name)
	}
	for i := range StreamHeaderSize {
		b := bytes.Clone(sealed)
		b[i] ^= 1
		_, err := openStream(t, b)
		require.True(t, errors.Is(err, ErrOpen) || errors.Is(err, ErrFormat), "header byte %d: %v", i, err)
	}
	_, err := OpenStream(bytes.NewReader(sealed), int64(len(sealed)), testDataKey(t).Secret(), []byte("other"), AllowTableAES)
	require.ErrorIs(t, err, ErrOpen)
}

// A damaged chunk costs its own bytes and no others.
func TestStreamDamageIsLocal(t *testing.T) {
	plaintext := pattern(3 * StreamChunkSize)
	sealed := sealStream(t, SuiteAES256GCM, plaintext)
	sealed[StreamHeaderSize+sealedChunkSize+5] ^= 1
	r, err := openStream(t, sealed)
	require.NoError(t, err)
	p := make([]byte, len(plaintext))
	n, err := r.ReadAt(p, 0)
	require.ErrorIs(t, err, ErrOpen)
	require.ErrorContains(t, err, "chunk 1")
	require.Equal(t, StreamChunkSize, n)
	require.Equal(t, plaintext[:n], p[:n])
	require.Equal(t, make([]byte, StreamChunkSize), p[n:2*n], "no unauthenticated plaintext")
	_, err = r.ReadAt(p[:10], StreamChunkSize+10)
	require.ErrorIs(t, err, ErrOpen)
	n, err = r.ReadAt(p[:100], 2*StreamChunkSize+1)
	require.NoError(t, err)
	require.Equal(t, plaintext[2*StreamChunkSize+1:][:100], p[:n])
}

func TestStreamWriterRefuses(t *testing.T) {
	key := testDataKey(t).Secret()
	start := func(w io.Writer, length int64) *StreamWriter {
		s, err := NewStreamWriter(w, rand.Reader, key, StreamSpec{Length: length})
		require.NoError(t, err)
		return s
	}
	s := start(io.Discard, 3)
	_, err := s.Write([]byte("four"))
	require.ErrorIs(t, err, ErrSize)
	require.ErrorIs(t, s.Close(), ErrSize)
	s = start(io.Discard, 3)
	_, err = s.Write([]byte("on"))
	require.NoError(t, err)
	require.ErrorIs(t, s.Close(), ErrSize)

	for _, length := range []int64{-2, MaxStreamSize + 1} {
		_, err = NewStreamWriter(io.Discard, rand.Reader, key, StreamSpec{Length: length})
		require.ErrorIs(t, err, ErrSize)
	}
	_, err = NewStreamWriter(io.Discard, rand.Reader, NewSecret(make([]byte, 31)), StreamSpec{})
	require.ErrorIs(t, err, ErrSize)
	_, err = NewStreamWriter(io.Discard, rand.Reader, key, StreamSpec{Context: make([]byte, MaxStreamContext+1)})
	require.ErrorIs(t, err, ErrSize)
	_, err = NewStreamWriter(io.Discard, rand.Reader, key, StreamSpec{Suite: 9})
	require.ErrorIs(t, err, ErrSuite)

	// The error of the writer beneath sticks.
	disk := errors.New("disk full")
	s = start(writerFunc(func([]byte) (int, error) { return 0, disk }), UnknownLength)
	_, err = s.Write(make([]byte, 2*StreamChunkSize))
	require.ErrorIs(t, err, disk)
	require.ErrorIs(t, s.Close(), disk)
	require.Nil(t, s.Header())
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// countingReaderAt counts the reads that reach it.
type countingReaderAt struct {
	io.ReaderAt
	reads atomic.Int64
}

func (c *countingReaderAt) ReadAt(p []byte, off int64) (int, error) {
	c.reads.Add(1)
	return c.ReaderAt.ReadAt(p, off)
}

// TestStreamStacked seals one stream inside another, as DSSE does, and reads through both.
func TestStreamStacked(t *testing.T) {
	plaintext := pattern(5*StreamChunkSize + 1)
	inner, outer := NewSecret(fill(1, 32)), NewSecret(fill(2, 32))
	var out bytes.Buffer
	ow, err := NewStreamWriter(&out, rand.Reader, outer, StreamSpec{Length: UnknownLength})
	require.NoError(t, err)
	iw, err := NewStreamWriter(ow, rand.Reader, inner, StreamSpec{Length: int64(len(plaintext))})
	require.NoError(t, err)
	_, err = io.Copy(struct{ io.Writer }{iw}, bytes.NewReader(plaintext))
	require.NoError(t, err)
	require.NoError(t, iw.Close())
	require.NoError(t, ow.Close())

	source := &countingReaderAt{ReaderAt: bytes.NewReader(out.Bytes())}
	or, err := OpenDetachedStream(ow.Header(), source, int64(out.Len()), outer, nil)
	require.NoError(t, err)
	ir, err := OpenStream(or, or.Size(), inner, nil)
	require.NoError(t, err)
	got := make([]byte, len(plaintext))
	_, err = io.ReadFull(io.NewSectionReader(ir, 0, ir.Size()), got)
	require.NoError(t, err)
	require.Equal(t, plaintext, got)
	require.LessOrEqual(t, source.reads.Load(), int64(8), "each outer chunk is opened once")
}
