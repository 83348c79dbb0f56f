package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
)

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
