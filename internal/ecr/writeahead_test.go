package ecr

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func TestWriteAhead(t *testing.T) {
	broken := errors.New("broken")
	for _, size := range []int{0, 1, copyBuffer - 1, copyBuffer, copyBuffer + 1, 5*copyBuffer + 7} {
		content := bytes.Repeat([]byte("ab"), size/2+1)[:size]
		var out bytes.Buffer
		require.NoError(t, writeAhead(&out, bytes.NewReader(content), int64(size)))
		require.True(t, bytes.Equal(content, out.Bytes()), size)
		require.ErrorIs(t, writeAhead(io.Discard, bytes.NewReader(content), int64(size)+1), io.ErrUnexpectedEOF, "it ends early")
		require.ErrorIs(t, writeAhead(io.Discard, io.MultiReader(bytes.NewReader(content), iotest.ErrReader(broken)), int64(size)+1), broken)
		if size > 0 {
			require.ErrorIs(t, writeAhead(failingWriter{broken}, bytes.NewReader(content), int64(size)), broken)
		}
	}
}

type failingWriter struct{ err error }

func (f failingWriter) Write([]byte) (int, error) { return 0, f.err }
