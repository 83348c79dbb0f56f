package binfmt

import "encoding/binary"

// Reader reads fields from a byte slice, which it never changes or copies.
type Reader struct {
	buf []byte
	err error
}

// NewReader returns a reader of b.
func NewReader(b []byte) *Reader { return &Reader{buf: b} }

// Raw returns the next n bytes, aliasing the input; nil after an error.
func (r *Reader) Raw(n int) []byte {
	if r.err == nil && (n < 0 || n > len(r.buf)) {
		r.err = ErrShort
	}
	if r.err != nil {
		return nil
	}
	b := r.buf[:n:n]
	r.buf = r.buf[n:]
	return b
}

// U8 reads one byte.
func (r *Reader) U8() uint8 {
	if b := r.Raw(1); b != nil {
		return b[0]
	}
	return 0
}

// U16 reads two bytes.
func (r *Reader) U16() uint16 {
	if b := r.Raw(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

// U32 reads four bytes.
func (r *Reader) U32() uint32 {
	if b := r.Raw(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// U64 reads eight bytes.
func (r *Reader) U64() uint64 {
	if b := r.Raw(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// Bytes16 reads a u16 length of at most limit and that many bytes, aliasing the input.
func (r *Reader) Bytes16(limit int) []byte { return r.sized(uint64(r.U16()), limit) }

// Bytes32 reads a u32 length of at most limit and that many bytes, aliasing the input.
func (r *Reader) Bytes32(limit int) []byte { return r.sized(uint64(r.U32()), limit) }

// String16 reads a u16 length of at most limit and a string.
func (r *Reader) String16(limit int) string { return string(r.Bytes16(limit)) }

func (r *Reader) sized(n uint64, limit int) []byte {
	if r.err == nil && (limit < 0 || n > uint64(limit)) {
		r.err = ErrLimit
	}
	return r.Raw(int(n))
}

// Rest returns all bytes that were not read, aliasing the input.
func (r *Reader) Rest() []byte { return r.Raw(len(r.buf)) }

// Len returns the number of bytes that were not read.
func (r *Reader) Len() int { return len(r.buf) }

// Fail makes err the reader's error unless it has one: for values a codec does not accept.
func (r *Reader) Fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// Err returns the first error so far.
func (r *Reader) Err() error { return r.err }

// Finish returns the first error, or ErrTrailing if bytes are left.
func (r *Reader) Finish() error {
	if r.err == nil && len(r.buf) > 0 {
		r.err = ErrTrailing
	}
	return r.err
}
