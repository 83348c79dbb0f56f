package audit

import (
	"fmt"
	"path/filepath"
)

// Contents returns the paths of the log's files, oldest first, and how long the last of them was at
// this moment: it ends with a whole record. A copy of them is a log that Open opens
// with any anchor that was saved before the call.
func (l *Log) Contents() (files []string, lastSize int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, 0, ErrClosed
	}
	numbers, err := listFiles(l.opts.FS, l.opts.Dir)
	if err != nil {
		return nil, 0, fmt.Errorf("audit: %w", err)
	}
	for _, n := range numbers {
		files = append(files, filepath.Join(l.opts.Dir, fileName(n)))
	}
	return files, l.size, nil
}
