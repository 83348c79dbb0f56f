package audit

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// rotate begins the next file. restart, if not empty, says why its chain does not
// follow the one before. If it fails, the current file stays. l.mu is held (or nobody
// else has the log yet).
func (l *Log) rotate(restart string) error {
	if l.files >= l.opts.MaxFiles {
		files, err := listFiles(l.opts.FS, l.opts.Dir) // some may have been moved away
		if err != nil {
			return fmt.Errorf("audit: %w", err)
		}
		if l.files = len(files); l.files >= l.opts.MaxFiles {
			return fmt.Errorf("%w: %d", ErrFull, l.files)
		}
	}
	if l.file != nil {
		// On disk before its successor exists: a crash must not leave a hole between files.
		if err := l.file.Sync(); err != nil {
			l.fail(fmt.Errorf("%w: sync: %w", ErrFailed, err))
			return l.failed
		}
	}
	h := l.head
	h.file++
	own, err := json.Marshal(map[string]header{"cofferAudit": {formatVersion, h.file, hex.EncodeToString(h.chain[:]), restart}})
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	name := filepath.Join(l.opts.Dir, fileName(h.file))
	f, err := l.opts.FS.Create(name)
	if err != nil {
		if !errors.Is(err, fs.ErrExist) {
			err = errors.Join(err, l.opts.FS.Remove(name)) // it may have been made all the same
		}
		return fmt.Errorf("audit: %w", err)
	}
	buf, next := encodeRecord(nil, l.opts.Key, h, own)
	line := buf[chainSize:]
	if n, err := f.Write(line); err != nil || n != len(line) {
		// Nothing refers to the file yet.
		err = errors.Join(err, f.Close())
		if rerr := l.opts.FS.Remove(name); rerr != nil {
			l.fail(fmt.Errorf("%w: cannot remove %s: %w", ErrFailed, name, rerr)) // Open will set it aside
		}
		return fmt.Errorf("audit: beginning %s: %w", name, err)
	}
	if err := l.opts.FS.SyncDir(l.opts.Dir); err != nil {
		l.fail(fmt.Errorf("%w: sync of the directory: %w", ErrFailed, err))
		return errors.Join(l.failed, f.Close())
	}
	if l.file != nil {
		l.closing = append(l.closing, l.file)
	}
	l.file, l.size, l.head = f, int64(len(line)), next
	l.files++
	l.stats.Records++
	l.stats.Bytes += uint64(len(line))
	return nil
}
