package nbd

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// next waits for a whole request header. Replies gathered so far leave before it waits.
func (t *transmission) next() error {
	if t.in.Buffered() >= requestSize {
		return nil
	}
	if err := t.out.flush(); err != nil {
		return err
	}
	if t.in.Buffered() == 0 {
		if idle := t.server.limits.Idle; idle > 0 {
			if err := t.readBy(time.Now().Add(idle)); err != nil {
				return err
			}
		}
		if _, err := t.in.Peek(1); err != nil {
			return endOfStream(err)
		}
		if t.server.limits.Idle > 0 {
			if err := t.readBy(time.Time{}); err != nil {
				return err
			}
		}
	}
	return t.fill(requestSize)
}

// fill waits until n bytes are buffered, which the client has begun to send.
func (t *transmission) fill(n int) error {
	if t.in.Buffered() >= n {
		return nil
	}
	return t.within(int64(n), func() error {
		_, err := t.in.Peek(n)
		return err
	})
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

// receive reads a write's data.
func (t *transmission) receive(data []byte) error {
	if t.in.Buffered() >= len(data) {
		_, err := io.ReadFull(t.in, data)
		return err
	}
	if err := t.out.flush(); err != nil {
		return err
	}
	return t.within(int64(len(data)), func() error {
		_, err := io.ReadFull(t.in, data)
		return err
	})
}
