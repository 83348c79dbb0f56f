package ecr

import (
	"errors"
	"hash"
	"io"
)

// hashBuffers is how many buffers a copy has: one is hashed while the next is read and sealed.
const hashBuffers = 3

// copyHashed copies from in to w and hashes what it copies in a goroutine of its own:
// sealing and hashing cost about the same, and go on side by side.
func copyHashed(w io.Writer, sum hash.Hash, in io.Reader) (n int64, err error) {
	free, work, hashed := make(chan []byte, hashBuffers), make(chan []byte, hashBuffers), make(chan struct{})
	for range hashBuffers {
		free <- make([]byte, copyBuffer)
	}
	go func() {
		defer close(hashed)
		for full := range work {
			sum.Write(full) // never fails (hash.Hash)
			free <- full[:cap(full)]
		}
	}()
	defer func() { close(work); <-hashed }()
	for {
		buffer := <-free // its last write has ended, since this goroutine made it
		k, err := io.ReadFull(in, buffer)
		if k > 0 {
			work <- buffer[:k]
			if _, err := w.Write(buffer[:k]); err != nil {
				return n, err
			}
			n += int64(k)
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return n, nil
		case err != nil:
			return n, err
		}
	}
}
