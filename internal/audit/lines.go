package audit

import (
	"bufio"
	"errors"
	"io"
)

var errLineTooLong = errors.New("line too long")

// lineReader reads lines of at most maxLineBytes, newline included.
type lineReader struct {
	r    *bufio.Reader
	long []byte // a line that the reader's buffer does not hold
}

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, 32<<10)}
}

// next returns the next line, valid until the next call. At the end it returns the
// bytes after the last newline and io.EOF.
func (l *lineReader) next() ([]byte, error) {
	line, err := l.r.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return line, err
	}
	l.long = append(l.long[:0], line...)
	for errors.Is(err, bufio.ErrBufferFull) {
		if len(l.long) > maxLineBytes {
			return l.long, errLineTooLong
		}
		line, err = l.r.ReadSlice('\n')
		l.long = append(l.long, line...)
	}
	if len(l.long) > maxLineBytes {
		err = errLineTooLong
	}
	return l.long, err
}
