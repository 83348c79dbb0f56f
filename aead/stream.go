package aead

import (
	"crypto/cipher"
	"encoding/binary"
	"fmt"
)

const (
	streamMagic   = "CFST"
	streamVersion = 1

	streamOffSalt   = 8
	streamOffLength = streamOffSalt + SaltSize
	sealedChunkSize = StreamChunkSize + TagSize

	// StreamHeaderSize is the size of a stream's header, in bytes.
	StreamHeaderSize = streamOffLength + 8 + TagSize
	// StreamChunkSize is the plaintext size of every chunk but the last, in bytes.
	StreamChunkSize = 64 << 10
	// MaxStreamSize is the largest plaintext of a stream, in bytes: 2^32 chunks, as many seals as SP 800-38D gives one key.
	MaxStreamSize = StreamChunkSize << 32
	// MaxStreamContext is the largest context of a stream, in bytes.
	MaxStreamContext = 64 << 10
	// UnknownLength is the Length of a stream whose header is made when it is closed.
	UnknownLength = -1
)

// The flags that end a stream's nonces.
const (
	flagChunk  = 0
	flagLast   = 1
	flagLength = 2
)

// streamCipher seals and opens the parts of one stream.
type streamCipher struct{ aead cipher.AEAD }

// newStreamCipher derives the key of the stream whose header starts with prefix (bytes 0..39).
func newStreamCipher(key *Secret, prefix, context []byte, opts []Option) (streamCipher, error) {
	if key.Len() < KeySize {
		return streamCipher{}, fmt.Errorf("%w: stream key of %d bytes", ErrSize, key.Len())
	}
	if len(context) > MaxStreamContext {
		return streamCipher{}, fmt.Errorf("%w: stream context of %d bytes", ErrSize, len(context))
	}
	suite := Suite(prefix[5])
	info := append([]byte(labelStream), 0, streamVersion, byte(suite))
	info = append(info, context...) // last and so unambiguous
	k := expand(key.Bytes(), prefix[streamOffSalt:streamOffLength], string(info))
	defer clear(k)
	a, err := suite.newAEAD(k, opts)
	return streamCipher{a}, err
}

func streamNonce(number uint64, flag byte) []byte {
	n := make([]byte, NonceSize)
	binary.BigEndian.PutUint64(n[3:], number)
	n[11] = flag
	return n
}

// sealLength completes a header whose first 40 bytes are set.
func (c streamCipher) sealLength(header []byte, length int64) []byte {
	l := binary.BigEndian.AppendUint64(nil, uint64(length))
	return c.aead.Seal(header[:streamOffLength], streamNonce(0, flagLength), l, header[:streamOffLength])
}

func (c streamCipher) openLength(header []byte) (int64, error) {
	l, err := c.aead.Open(nil, streamNonce(0, flagLength), header[streamOffLength:], header[:streamOffLength])
	if err != nil {
		return 0, fmt.Errorf("%w: stream header", ErrOpen)
	}
	length := binary.BigEndian.Uint64(l)
	if length > MaxStreamSize {
		return 0, fmt.Errorf("%w: stream of %d bytes", ErrFormat, length)
	}
	return int64(length), nil
}

// chunkCount returns the number of chunks of a stream: one even if it is empty.
func chunkCount(length int64) int64 {
	return max(1, (length+StreamChunkSize-1)/StreamChunkSize)
}

// sealedStreamSize returns the size of the chunks of a stream, without its header.
func sealedStreamSize(length int64) int64 { return length + chunkCount(length)*TagSize }

func checkStreamHeader(header []byte) error {
	if len(header) != StreamHeaderSize || string(header[:4]) != streamMagic || header[4] != streamVersion {
		return fmt.Errorf("%w: not a stream of version %d", ErrFormat, streamVersion)
	}
	if s := Suite(header[5]); s != SuiteAES256GCM && s != SuiteChaCha20Poly1305 {
		return fmt.Errorf("%w: stream suite %d", ErrFormat, s)
	}
	if header[6] != 0 || header[7] != 0 {
		return fmt.Errorf("%w: reserved bytes of a stream header", ErrFormat)
	}
	return nil
}
