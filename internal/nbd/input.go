package nbd

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"time"
)

// openInput chooses how the reader receives: through a ring, which also waits for the
// device, where the export starts reads and the connection and the system allow it.
func (t *transmission) openInput() {
	t.starter, _ = t.opened.Export.(Starter)
	var from io.Reader = t.nc
	if t.starter != nil && t.server.limits.Ring >= 0 && t.nc == t.raw {
		if r := newRing(t.raw, t.deadline, func() error { return t.out.flush() }); r != nil {
			if t.useRing(r.conn()) {
				t.ring, from = r, r
			} else {
				r.decline()
			}
		}
	}
	t.in = bufio.NewReaderSize(from, readBufferSize)
}

// closeInput ends what the ring has under way: the kernel writes into memory of this
// process until then.
func (t *transmission) closeInput() {
	if t.ring != nil {
		t.shutRead()
		t.ring.close()
	}
}

// pause comes before every wait of the reader: it writes the replies that have
// gathered, and from then on workers see to their own. Until it, they leave them here:
// one that saw waiting unset had queued its reply before this flush.
func (t *transmission) pause() error {
	t.waiting.Store(true)
	return t.out.flush()
}

func (t *transmission) resume() { t.waiting.Store(false) }

// next waits for a whole request header.
func (t *transmission) next() error {
	if t.in.Buffered() >= requestSize {
		return nil
	}
	defer t.resume()
	if err := t.pause(); err != nil {
		return err
	}
	if t.in.Buffered() == 0 {
		if err := t.idle(); err != nil {
			return err
		}
	}
	if t.in.Buffered() >= requestSize {
		return nil
	}
	return t.within(requestSize, func() error {
		_, err := t.in.Peek(requestSize)
		return err
	})
}

// idle waits for the first byte of a request, without a limit unless there is one for
// idle clients.
func (t *transmission) idle() error {
	limit := t.server.limits.Idle
	if limit > 0 {
		if err := t.readBy(time.Now().Add(limit)); err != nil {
			return err
		}
	}
	if _, err := t.in.Peek(1); err != nil {
		return endOfStream(err)
	}
	if limit > 0 {
		return t.readBy(time.Time{})
	}
	return nil
}

// peek returns the next n bytes, at most readBufferSize, without taking them.
func (t *transmission) peek(n int) ([]byte, error) {
	if t.in.Buffered() < n {
		err := t.awaitPayload(int64(n), func() error {
			_, err := t.in.Peek(n)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return t.in.Peek(n)
}

// receive reads a write's data.
func (t *transmission) receive(data []byte) error {
	if t.in.Buffered() >= len(data) {
		_, err := io.ReadFull(t.in, data)
		return err
	}
	return t.awaitPayload(int64(len(data)), func() error {
		_, err := io.ReadFull(t.in, data)
		return err
	})
}

// discard reads the data of a refused write away.
func (t *transmission) discard(n int64) error {
	return t.awaitPayload(n, func() error {
		_, err := io.CopyN(io.Discard, t.in, n)
		return err
	})
}

func (t *transmission) awaitPayload(n int64, read func() error) error {
	defer t.resume()
	if err := t.pause(); err != nil {
		return err
	}
	return t.within(n, read)
}

// within runs a read of n bytes under the time they may take.
func (t *transmission) within(n int64, read func() error) error {
	if err := t.readBy(time.Now().Add(t.server.limits.allowance(n))); err != nil {
		return err
	}
	if err := read(); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("in the middle of a request: %w", err)
	}
	return t.readBy(time.Time{})
}
