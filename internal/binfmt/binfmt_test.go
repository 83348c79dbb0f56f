package binfmt_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/internal/binfmt"
)

func encode(limit int) ([]byte, error) {
	w := binfmt.NewWriter(limit)
	w.U8(1)
	w.U16(2)
	w.U32(3)
	w.U64(4)
	w.Bytes16([]byte("ab"))
	w.Bytes32([]byte("cde"))
	w.String16("")
	w.Raw([]byte("tail"))
	return w.Finish()
}

const encoded = "\x01\x00\x02\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x04\x00\x02ab\x00\x00\x00\x03cde\x00\x00tail"

func TestRoundTrip(t *testing.T) {
	b, err := encode(1 << 10)
	require.NoError(t, err)
	require.Equal(t, encoded, string(b))
	r := binfmt.NewReader(b)
	require.EqualValues(t, 1, r.U8())
	require.EqualValues(t, 2, r.U16())
	require.EqualValues(t, 3, r.U32())
	require.EqualValues(t, 4, r.U64())
	require.Equal(t, "ab", string(r.Bytes16(2)))
	require.Equal(t, "cde", string(r.Bytes32(3)))
	require.Equal(t, "", r.String16(0))
	require.Equal(t, 4, r.Len())
	require.Equal(t, "tail", string(r.Rest()))
	require.NoError(t, r.Finish())
}

func TestWriterLimitIsExactAndSticky(t *testing.T) {
	_, err := encode(len(encoded))
	require.NoError(t, err)
	for limit := range len(encoded) {
		_, err := encode(limit)
		require.ErrorIs(t, err, binfmt.ErrLimit)
	}
	w := binfmt.NewWriter(1 << 20)
	w.Bytes16(make([]byte, 1<<16))
	w.U8(1)
	require.Zero(t, w.Len())
	_, err = w.Finish()
	require.ErrorIs(t, err, binfmt.ErrLimit)
}

func TestReaderErrors(t *testing.T) {
	r := binfmt.NewReader([]byte{0, 3, 'a'})
	require.Nil(t, r.Bytes16(8))
	require.Zero(t, r.U8())
	require.ErrorIs(t, r.Finish(), binfmt.ErrShort)

	r = binfmt.NewReader([]byte{0, 3, 'a', 'b', 'c'})
	require.Nil(t, r.Bytes16(2))
	require.ErrorIs(t, r.Err(), binfmt.ErrLimit)
	r.Fail(binfmt.ErrValue)
	require.ErrorIs(t, r.Finish(), binfmt.ErrLimit)

	r = binfmt.NewReader([]byte{1, 2})
	r.U8()
	require.ErrorIs(t, r.Finish(), binfmt.ErrTrailing)
	require.Nil(t, binfmt.NewReader([]byte{1}).Raw(-1))
}

// FuzzReader checks that what parses re-encodes to the same bytes.
func FuzzReader(f *testing.F) {
	f.Add([]byte(encoded))
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{0xff}, 40))
	f.Fuzz(func(t *testing.T, in []byte) {
		r := binfmt.NewReader(in)
		w := binfmt.NewWriter(len(in))
		w.U8(r.U8())
		w.U16(r.U16())
		w.U32(r.U32())
		w.U64(r.U64())
		w.Bytes16(r.Bytes16(64))
		w.Bytes32(r.Bytes32(64))
		w.String16(r.String16(64))
		w.Raw(r.Raw(4))
		if r.Finish() != nil {
			return
		}
		out, err := w.Finish()
		require.NoError(t, err)
		require.Equal(t, in, out)
	})
}
