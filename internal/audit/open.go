package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
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

func (o *Options) setDefaults() {
	if o.FS == nil {
		o.FS = OS{}
	}
	if o.MaxFileBytes == 0 {
		o.MaxFileBytes = DefaultMaxFileBytes
	}
	if o.MaxFiles == 0 {
		o.MaxFiles = DefaultMaxFiles
	}
	if o.SyncEvery == 0 {
		o.SyncEvery = DefaultSyncEvery
	}
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
		case c.torn > 0 && n < last:
			return c, c.broken("torn in the middle of the log")
		}
		from = c.head
	}
	if !seen {
		return c, &BrokenError{File: fileName(anchor.file), Seq: anchor.seq, What: fmt.Sprintf("the anchored record %d is missing", anchor.seq)}
	}
	return c, nil
}

// resume continues in a file: it sets aside what follows its last good record.
func (l *Log) resume(c *fileCheck) error {
	name := filepath.Join(l.opts.Dir, c.name)
	f, err := l.opts.FS.Append(name)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	l.file, l.size, l.head = f, c.good, c.head
	size, err := l.fileSize(name)
	if err != nil || size == c.good {
		return err
	}
	if err := l.keepTail(c, size); err != nil {
		return err
	}
	if err := f.Truncate(c.good); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return nil
}

// setAside removes a file without a whole header, after keeping its bytes.
func (l *Log) setAside(c *fileCheck) error {
	name := filepath.Join(l.opts.Dir, c.name)
	size, err := l.fileSize(name)
	if err == nil && size > 0 {
		err = l.keepTail(c, size)
	}
	if err != nil {
		return err
	}
	if err := l.opts.FS.Remove(name); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	l.files--
	return nil
}

// maxTorn bounds how many torn ends of one file are kept: each is a crash.
const maxTorn = 1000

// keepTail copies what follows the last good record of a file to a file of its own,
// on disk, and makes the record that will say so.
func (l *Log) keepTail(c *fileCheck, size int64) error {
	src, err := l.opts.FS.Open(filepath.Join(l.opts.Dir, c.name))
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	defer src.Close()
	if _, err := src.Seek(c.good, io.SeekStart); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	dst, keptAs, err := l.createTorn(c.number)
	if err != nil {
		return fmt.Errorf("audit: keeping a torn end: %w", err)
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(dst, sum), io.LimitReader(src, size-c.good))
	if err = errors.Join(err, dst.Sync(), dst.Close(), l.opts.FS.SyncDir(l.opts.Dir)); err != nil {
		return fmt.Errorf("audit: keeping a torn end: %w", err)
	}
	l.stats.Recovered += n
	l.found = append(l.found, fmt.Appendf(nil, `{"cofferAudit":{"recovered":%d,"sha256":"%s","keptAs":"%s"}}`, n, hex.EncodeToString(sum.Sum(nil)), keptAs))
	return nil
}

func (l *Log) createTorn(number uint64) (f File, name string, err error) {
	for k := 1; k <= maxTorn; k++ {
		name = fmt.Sprintf("audit-%010d.torn-%d", number, k)
		if f, err = l.opts.FS.Create(filepath.Join(l.opts.Dir, name)); err == nil || !errors.Is(err, fs.ErrExist) {
			return f, name, err
		}
	}
	return nil, "", err
}

func (l *Log) fileSize(name string) (int64, error) {
	f, err := l.opts.FS.Open(name)
	if err != nil {
		return 0, fmt.Errorf("audit: %w", err)
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, fmt.Errorf("audit: %w", err)
	}
	return size, nil
}
