package audit

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Open opens or creates the log in a directory, verifies it from the anchor on, and
// recovers a torn end.
func Open(ctx context.Context, o Options) (*Log, error) {
	o.setDefaults()
	l := &Log{opts: o, wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	l.cond = sync.NewCond(&l.mu)
	if err := o.FS.MkdirAll(o.Dir); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	saved, err := o.Anchor.Load(ctx)
	if err != nil {
		return nil, fmt.Errorf("audit: loading the anchor: %w", err)
	}
	if err := l.openFiles(saved); err != nil {
		if l.file != nil {
			l.file.Close()
		}
		return nil, err
	}
	if err := l.sync(ctx); err != nil {
		return nil, errors.Join(err, l.file.Close())
	}
	go l.syncLoop()
	return l, nil
}

// openFiles finds the end of the log and makes it ready for appending.
func (l *Log) openFiles(saved []byte) error {
	numbers, err := listFiles(l.opts.FS, l.opts.Dir)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	l.files = len(numbers)
	anchor, err := decodeAnchor(saved)
	var end *fileCheck
	if err == nil {
		end, err = l.findEnd(numbers, anchor)
	}
	switch {
	case errors.Is(err, ErrBroken) && l.opts.Restart:
		l.stats.Restarted = true
		l.head = head{seq: anchor.seq}
		if len(numbers) > 0 {
			l.head.file = max(anchor.file, numbers[len(numbers)-1])
		}
		if end != nil {
			l.head.seq = max(l.head.seq, end.head.seq)
		}
		err = l.rotate(err.Error())
	case err != nil:
		return err
	case end == nil:
		err = l.rotate("")
	default:
		err = l.resume(end)
	}
	for _, own := range l.found {
		if err == nil {
			err = l.write(own)
		}
	}
	l.found = nil
	return err
}

// findEnd verifies from the anchored file on and returns the check of the file that
// the log continues in; nil for an empty log. A last file without a whole header is a
// rotation that a crash cut short: it is set aside.
func (l *Log) findEnd(numbers []uint64, anchor head) (*fileCheck, error) {
	if n := len(numbers); n > 0 && anchor.file < numbers[n-1] {
		whole, c, err := l.hasHeader(numbers[n-1])
		if err == nil && !whole {
			err = l.setAside(c)
			numbers = numbers[:n-1]
		}
		if err != nil {
			return nil, err
		}
	}
	if len(numbers) == 0 {
		if anchor.seq > 0 {
			return nil, &BrokenError{File: fileName(anchor.file), Seq: anchor.seq, What: "the anchored file is missing"}
		}
		return nil, nil
	}
	return l.checkTail(numbers, anchor)
}

// errStop ends a check early.
var errStop = errors.New("stop")

// hasHeader says whether a file begins with a whole header.
func (l *Log) hasHeader(number uint64) (bool, *fileCheck, error) {
	stop := func(head) error { return errStop }
	c, err := checkFile(l.opts.FS, l.opts.Dir, number, l.opts.Key, head{}, 0, stop)
	if err != nil && !errors.Is(err, ErrBroken) && !errors.Is(err, errStop) {
		return false, c, err
	}
	return c.line > 0, c, nil
}

// checkTail verifies the anchored file and those after it.
func (l *Log) checkTail(numbers []uint64, anchor head) (*fileCheck, error) {
	last := numbers[len(numbers)-1]
	first := max(anchor.file, numbers[0])
	seen := anchor.seq == 0
	visit := func(h head) error {
		if h.seq == anchor.seq {
			if h != anchor {
				return &BrokenError{File: fileName(h.file), Seq: h.seq, What: "the record is not the anchored one"}
			}
			seen = true
		}
		return nil
	}
	var c *fileCheck
	var from head
	for n := first; n <= last; n++ {
		var err error
		c, err = checkFile(l.opts.FS, l.opts.Dir, n, l.opts.Key, from, 0, visit)
		var broken *BrokenError
		switch {
		case errors.As(err, &broken) && n == last && seen && c.line > 0:
			// Past the anchor: what a crash of the machine may have left.
		case err != nil:
			return c, err
		case n < last && (c.torn > 0 || c.line == 0):
			return c, c.broken("torn in the middle of the log")
		}
		from = c.head
	}
	if !seen {
		return c, &BrokenError{File: fileName(anchor.file), Seq: anchor.seq, What: fmt.Sprintf("the anchored record %d is missing", anchor.seq)}
	}
	return c, nil
}
