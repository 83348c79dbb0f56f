package aead

import (
	"errors"
	"fmt"
	"io"
)

// StreamSpec says how a stream is sealed.
type StreamSpec struct {
	Suite   Suite  // zero: DefaultSuite
	Context []byte // what the stream is bound to; the reader gives the same
	Length  int64  // of the plaintext, or UnknownLength
}

// StreamWriter seals a stream to a writer. It holds one chunk in memory, belongs to one
// goroutine, and must be closed: a stream without its last chunk does not open.
type StreamWriter struct {
	w       io.Writer
	cipher  streamCipher
	header  []byte // 40 bytes until the length is sealed
	length  int64  // announced, or UnknownLength
	written int64
	chunk   []byte // plaintext waiting: a full chunk is sealed when more follows
	number  uint64
	err     error // sticky
}

// NewStreamWriter starts a stream under key (at least KeySize bytes; it stays the
// caller's) with a salt drawn from rand. With a known Length the header is written to w
// at once and Close fails unless exactly that many bytes were written. With
// UnknownLength only the chunks go to w; place Header before them, or keep it apart.
func NewStreamWriter(w io.Writer, rand io.Reader, key *Secret, spec StreamSpec, opts ...Option) (*StreamWriter, error) {
	if spec.Length < UnknownLength || spec.Length > MaxStreamSize {
		return nil, fmt.Errorf("%w: stream of %d bytes", ErrSize, spec.Length)
	}
	if spec.Suite == 0 {
		spec.Suite = DefaultSuite()
	}
	header := make([]byte, streamOffLength, StreamHeaderSize)
	copy(header, streamMagic)
	header[4], header[5] = streamVersion, byte(spec.Suite)
	if _, err := io.ReadFull(rand, header[streamOffSalt:]); err != nil {
		return nil, fmt.Errorf("aead: draw salt: %w", err)
	}
	c, err := newStreamCipher(key, header, spec.Context, opts)
	if err != nil {
		return nil, err
	}
	s := &StreamWriter{w: w, cipher: c, header: header, length: spec.Length, chunk: make([]byte, 0, sealedChunkSize)}
	if s.length != UnknownLength {
		s.header = c.sealLength(header, s.length)
		if _, err := w.Write(s.header); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Write adds p to the stream.
func (s *StreamWriter) Write(p []byte) (n int, err error) {
	if s.err != nil {
		return 0, s.err
	}
	limit := s.length
	if limit == UnknownLength {
		limit = MaxStreamSize
	}
	if int64(len(p)) > limit-s.written {
		s.err = fmt.Errorf("%w: more than %d bytes of stream", ErrSize, limit)
		return 0, s.err
	}
	for len(p) > 0 {
		if len(s.chunk) == StreamChunkSize {
			if err := s.flush(flagChunk); err != nil {
				return n, err
			}
		}
		k := min(len(p), StreamChunkSize-len(s.chunk))
		s.chunk = append(s.chunk, p[:k]...)
		p, n, s.written = p[k:], n+k, s.written+int64(k)
	}
	return n, nil
}

// flush seals the waiting chunk in place and writes it.
func (s *StreamWriter) flush(flag byte) error {
	sealed := s.cipher.aead.Seal(s.chunk[:0], streamNonce(s.number, flag), s.chunk, nil)
	s.number++
	s.chunk = s.chunk[:0]
	if _, err := s.w.Write(sealed); err != nil {
		s.err = err
	}
	return s.err
}

var errStreamClosed = errors.New("aead: stream is closed")

// Close seals the last chunk and the length. It does not close the writer beneath.
// Closing again, or after an error, returns that error.
func (s *StreamWriter) Close() error {
	if s.err != nil {
		return s.err
	}
	if s.length != UnknownLength && s.written != s.length {
		s.err = fmt.Errorf("%w: stream of %d bytes where %d were announced", ErrSize, s.written, s.length)
		return s.err
	}
	if err := s.flush(flagLast); err != nil {
		return err
	}
	if s.length == UnknownLength {
		s.header = s.cipher.sealLength(s.header, s.written)
	}
	s.err = errStreamClosed
	return nil
}

// Header returns the stream's header, or nil while the length is not sealed.
func (s *StreamWriter) Header() []byte {
	if len(s.header) != StreamHeaderSize {
		return nil
	}
	return append([]byte(nil), s.header...)
}
