package ecr

import (
	"errors"
	"io"
)

// aheadBuffers is how many buffers a pull has: one is sent while the next is opened.
const aheadBuffers = 3

// piece is a part of what is copied, or why there is no more.
type piece struct {
	data []byte
	err  error
}

// writeAhead copies size bytes from in, which is read in a goroutine of its own, to w: opening costs about
// what sending costs, and goes on beside it. When it returns nothing reads in any more.
func writeAhead(w io.Writer, in io.Reader, size int64) error {
	free, full, stop, ended := make(chan []byte, aheadBuffers), make(chan piece, aheadBuffers), make(chan struct{}), make(chan struct{})
	for range aheadBuffers {
		free <- make([]byte, copyBuffer)
	}
	go func() {
		defer close(ended)
		for {
			var buffer []byte
			select {
			case buffer = <-free:
			case <-stop:
				return
			}
			n, err := io.ReadFull(in, buffer)
			full <- piece{buffer[:n], err} // never waits: there are no more pieces than buffers
			if err != nil {
				return
			}
		}
	}()
	defer func() { close(stop); <-ended }()
	for {
		one := <-full
		if _, err := w.Write(one.data); err != nil {
			return err
		}
		size -= int64(len(one.data))
		switch {
		case one.err == nil:
		case size == 0 && (errors.Is(one.err, io.EOF) || errors.Is(one.err, io.ErrUnexpectedEOF)):
			return nil
		case errors.Is(one.err, io.EOF):
			return io.ErrUnexpectedEOF
		default:
			return one.err
		}
		free <- one.data[:copyBuffer]
	}
}
