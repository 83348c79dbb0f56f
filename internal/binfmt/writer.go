package binfmt

import (
	"encoding/binary"
	"math"
)

// Writer appends fields to a buffer of bounded size.
type Writer struct {
	buf   []byte
	limit int
	err   error
}

// NewWriter returns a writer of at most limit bytes.
func NewWriter(limit int) *Writer { return &Writer{limit: limit} }

// room says whether n more bytes may be written.
func (w *Writer) room(n int) bool {
	if w.err == nil && n > w.limit-len(w.buf) {
		w.err = ErrLimit
	}
	return w.err == nil
}

// U8 writes one byte.
func (w *Writer) U8(v uint8) {
	if w.room(1) {
		w.buf = append(w.buf, v)
	}
}

// U16 writes two bytes.
func (w *Writer) U16(v uint16) {
	if w.room(2) {
		w.buf = binary.BigEndian.AppendUint16(w.buf, v)
	}
}

// U32 writes four bytes.
func (w *Writer) U32(v uint32) {
	if w.room(4) {
		w.buf = binary.BigEndian.AppendUint32(w.buf, v)
	}
}

// U64 writes eight bytes.
func (w *Writer) U64(v uint64) {
	if w.room(8) {
		w.buf = binary.BigEndian.AppendUint64(w.buf, v)
	}
}

// Raw writes b without a length: a field of fixed size, or the last one.
func (w *Writer) Raw(b []byte) {
	if w.room(len(b)) {
		w.buf = append(w.buf, b...)
	}
}

// Bytes16 writes a u16 length and b.
func (w *Writer) Bytes16(b []byte) {
	if len(b) > math.MaxUint16 {
		w.Fail(ErrLimit)
		return
	}
	w.U16(uint16(len(b)))
	w.Raw(b)
}

// Bytes32 writes a u32 length and b.
func (w *Writer) Bytes32(b []byte) {
	if uint64(len(b)) > math.MaxUint32 {
		w.Fail(ErrLimit)
		return
	}
	w.U32(uint32(len(b)))
	w.Raw(b)
}

// String16 writes a u16 length and s.
func (w *Writer) String16(s string) { w.Bytes16([]byte(s)) }

// Fail makes err the writer's error unless it has one.
func (w *Writer) Fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// Len returns the number of bytes written so far.
func (w *Writer) Len() int { return len(w.buf) }

// Finish returns the bytes, or the first error.
func (w *Writer) Finish() ([]byte, error) {
	if w.err != nil {
		return nil, w.err
	}
	return w.buf, nil
}
