package aead

import (
	"errors"
	"fmt"
	"io"
	"sync"
)

// StreamReader opens ranges of a stream. It implements io.ReaderAt, is safe for
// concurrent use and holds one chunk, so that short sequential reads open each chunk
// once. io.NewSectionReader(r, 0, r.Size()) reads it all.
type StreamReader struct {
	chunks io.ReaderAt
	cipher streamCipher
	length int64

	pool sync.Pool // of *[sealedChunkSize]byte

	mu     sync.Mutex // guards held and number
	held   []byte     // plaintext of a chunk that was read in part
	number int64      // which one; -1: none
}

// OpenStream reads the header at the start of r, which holds a stream of size bytes.
func OpenStream(r io.ReaderAt, size int64, key *Secret, context []byte, opts ...Option) (*StreamReader, error) {
	if size < StreamHeaderSize {
		return nil, fmt.Errorf("%w: stream of %d bytes", ErrFormat, size)
	}
	header := make([]byte, StreamHeaderSize)
	if err := readFullAt(r, header, 0); err != nil {
		return nil, err
	}
	size -= StreamHeaderSize
	return OpenDetachedStream(header, io.NewSectionReader(r, StreamHeaderSize, size), size, key, context, opts...)
}

// OpenDetachedStream opens a stream whose header was kept apart from its chunks; they
// are size bytes at the start of chunks. It fails unless the sealed length agrees with size.
func OpenDetachedStream(header []byte, chunks io.ReaderAt, size int64, key *Secret, context []byte, opts ...Option) (*StreamReader, error) {
	if err := checkStreamHeader(header); err != nil {
		return nil, err
	}
	c, err := newStreamCipher(key, header, context, opts)
	if err != nil {
		return nil, err
	}
	length, err := c.openLength(header)
	if err != nil {
		return nil, err
	}
	if want := sealedStreamSize(length); size != want {
		return nil, fmt.Errorf("%w: stream has %d bytes of chunks where %d were sealed", ErrOpen, size, want)
	}
	r := &StreamReader{chunks: chunks, cipher: c, length: length, number: -1}
	r.pool.New = func() any { return new([sealedChunkSize]byte) }
	return r, nil
}

// Size returns the length of the plaintext.
func (r *StreamReader) Size() int64 { return r.length }

// ReadAt implements io.ReaderAt. A chunk that does not authenticate gives ErrOpen with
// its number; bytes of p after the n returned are then unspecified, never unauthenticated plaintext.
func (r *StreamReader) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, fmt.Errorf("%w: stream offset %d", ErrSize, off)
	}
	if off >= r.length {
		return 0, io.EOF
	}
	if rest := r.length - off; int64(len(p)) > rest {
		p, err = p[:rest], io.EOF
	}
	for n < len(p) {
		k, e := r.readChunk(p[n:], off+int64(n))
		n += k
		if e != nil {
			return n, e
		}
	}
	return n, err
}

// readChunk reads from the one chunk that holds off.
func (r *StreamReader) readChunk(p []byte, off int64) (int, error) {
	number, skip := off/StreamChunkSize, off%StreamChunkSize
	size := min(StreamChunkSize, r.length-number*StreamChunkSize)
	if skip == 0 && int64(len(p)) >= size {
		if err := r.openChunk(p[:size], number); err != nil {
			return 0, err
		}
		return int(size), nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.number != number {
		if r.held == nil {
			r.held = make([]byte, StreamChunkSize)
		}
		r.number = -1
		if err := r.openChunk(r.held[:size], number); err != nil {
			return 0, err
		}
		r.number = number
	}
	return copy(p, r.held[skip:size]), nil
}

// openChunk reads and opens one chunk into p, which has the chunk's size.
func (r *StreamReader) openChunk(p []byte, number int64) error {
	buf := r.pool.Get().(*[sealedChunkSize]byte)
	defer r.pool.Put(buf)
	sealed := buf[:len(p)+TagSize]
	if err := readFullAt(r.chunks, sealed, number*sealedChunkSize); err != nil {
		return err
	}
	flag := byte(flagChunk)
	if number == chunkCount(r.length)-1 {
		flag = flagLast
	}
	if _, err := r.cipher.aead.Open(p[:0], streamNonce(uint64(number), flag), sealed, nil); err != nil {
		return fmt.Errorf("%w: stream chunk %d", ErrOpen, number)
	}
	return nil
}

// readFullAt reads all of p; a source that ends early gives io.ErrUnexpectedEOF.
func readFullAt(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	switch {
	case n == len(p):
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	}
	return err
}
