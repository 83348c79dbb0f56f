package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"coffer.example/internal/invariants"
)

// Log is an append-only chained log. It is safe for concurrent use.
type Log struct {
	opts Options

	mu      sync.Mutex // guards the fields below
	cond    *sync.Cond // on mu: synced, failed or closed changed
	file    File
	size    int64  // of file: the end of its last record
	head    head   // the last record written
	synced  head   // the last record known to be on disk
	saved   head   // the last record anchored
	files   int    // number of files in the directory
	closing []File // rotated away, on disk; the next sync round closes them, since the last may be using them
	dropped uint64
	failed  error
	closed  bool
	buf     []byte
	found   [][]byte // while opening: records of torn ends that were kept
	stats   Stats

	syncMu sync.Mutex // held during a sync round; taken before mu
	wake   chan struct{}
	stop   chan struct{}
	done   chan struct{}
}

// Record appends one event: one JSON object on one line. When it returns nil the
// event has been handed to the operating system (with SyncAlways: is on disk), or, with
// OnError Drop, has been counted as dropped.
func (l *Log) Record(ctx context.Context, event []byte) error {
	if err := checkEvent(event); err != nil {
		return err
	}
	l.mu.Lock()
	err := l.append(event)
	seq := l.head.seq
	if err != nil {
		l.stats.WriteErrors++
		if l.opts.OnError == Drop && !errors.Is(err, ErrClosed) {
			l.dropped++
			l.stats.Dropped++
			err = nil
		}
		l.mu.Unlock()
		return err
	}
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
	if l.opts.SyncAlways {
		return l.waitSynced(ctx, seq)
	}
	return nil
}

// checkEvent keeps the line format: an object, on one line, with a member.
func checkEvent(event []byte) error {
	switch {
	case len(event) > MaxEventBytes:
		return fmt.Errorf("%w: more than %d bytes", ErrEvent, MaxEventBytes)
	case len(event) < len(`{"":0}`) || event[0] != '{' || event[len(event)-1] != '}' || bytes.IndexByte(event, ':') < 0:
		return fmt.Errorf("%w: not a JSON object with members", ErrEvent)
	case bytes.IndexByte(event, '\n') >= 0 || bytes.IndexByte(event, '\r') >= 0:
		return fmt.Errorf("%w: not on one line", ErrEvent)
	}
	if bytes.HasPrefix(event, []byte(ownMember)) {
		return fmt.Errorf("%w: poses as the log's own record", ErrEvent)
	}
	if invariants.Enabled {
		invariants.Check(json.Valid(event), "audit: event is not valid JSON")
	}
	return nil
}

// append writes an event, and before it what must precede it. l.mu is held.
func (l *Log) append(event []byte) error {
	switch {
	case l.closed:
		return ErrClosed
	case l.failed != nil:
		return l.failed
	}
	if l.size > 0 && l.size+int64(len(event))+maxLineBytes-MaxEventBytes > l.opts.MaxFileBytes {
		if err := l.rotate(""); err != nil {
			return err
		}
	}
	if l.dropped > 0 {
		own := fmt.Appendf(nil, `{"cofferAudit":{"dropped":%d}}`, l.dropped)
		if err := l.write(own); err != nil {
			return err
		}
		l.dropped = 0
	}
	return l.write(event)
}

// write writes one record at the end of the file, or takes it back. l.mu is held.
func (l *Log) write(event []byte) error {
	buf, next := encodeRecord(l.buf, l.opts.Key, l.head, event)
	l.buf = buf
	line := buf[chainSize:]
	n, err := l.file.Write(line)
	if err == nil && n != len(line) {
		err = errors.New("short write")
	}
	if err != nil {
		if terr := l.file.Truncate(l.size); terr != nil {
			l.fail(fmt.Errorf("%w: cannot take back a failed write: %w", ErrFailed, terr))
		}
		return fmt.Errorf("audit: writing: %w", err)
	}
	l.size += int64(len(line))
	l.head = next
	l.stats.Records++
	l.stats.Bytes += uint64(len(line))
	return nil
}

// fail makes the log fail until it is opened again. l.mu is held.
func (l *Log) fail(err error) {
	if l.failed == nil {
		l.failed = err
		l.stats.Failed = true
	}
	l.cond.Broadcast()
}

// Stats returns what the log has done.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.Files, s.Seq, s.SyncedSeq = l.files, l.head.seq, l.synced.seq
	return s
}
