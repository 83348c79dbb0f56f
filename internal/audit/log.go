package audit

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"coffer.example/aead"
	"coffer.example/internal/invariants"
)

// AnchorStore keeps the anchor outside the log. Load answers nil if nothing was ever saved.
type AnchorStore interface {
	Load(ctx context.Context) ([]byte, error)
	Save(ctx context.Context, anchor []byte) error
}

// OnError says what Record does when the log cannot be written.
type OnError uint8

// The policies.
const (
	Fail OnError = iota // Record fails, and with it the request
	Drop                // Record succeeds; a later record says how many events were dropped
)

// Options configure a Log.
type Options struct {
	Dir          string
	Key          *aead.MACKey // derived under aead.LabelAudit
	Anchor       AnchorStore
	FS           FS            // nil: OS{}
	MaxFileBytes int64         // 0: DefaultMaxFileBytes
	MaxFiles     int           // 0: DefaultMaxFiles
	SyncEvery    time.Duration // 0: DefaultSyncEvery
	SyncAlways   bool          // every Record waits for its fdatasync
	OnError      OnError
	// Restart begins a new chain in a new file if the old one is broken, and says why there.
	Restart bool
}

// Log is an append-only chained log. It is safe for concurrent use.
type Log struct {
	opts Options

	mu      sync.Mutex // guards the fields below
	cond    *sync.Cond // on mu: synced, failed or closed changed
	file    File
	size    int64 // of file: the end of its last record
	head    head  // the last record written
	synced  head  // the last record known to be on disk
	saved   head  // the last record anchored
	files   int   // number of files in the directory
	closing []File
	newFile bool // the directory needs a sync
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

// Stats counts what a Log has done since it was opened.
type Stats struct {
	Records, Bytes    uint64
	Files             int
	Syncs             uint64
	WriteErrors       uint64 // failed Records, dropped ones included
	Dropped           uint64
	AnchorErrors      uint64
	Recovered         int64 // torn bytes found by Open
	Seq, SyncedSeq    uint64
	Failed, Restarted bool
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
	h := l.head
	h.file++
	own, err := json.Marshal(map[string]header{"cofferAudit": {formatVersion, h.file, hex.EncodeToString(h.chain[:]), restart}})
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	name := filepath.Join(l.opts.Dir, fileName(h.file))
	f, err := l.opts.FS.Create(name)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	buf, next := encodeRecord(nil, l.opts.Key, h, own)
	line := buf[chainSize:]
	if n, err := f.Write(line); err != nil || n != len(line) {
		// Nothing refers to the file yet. If it cannot be removed, Open finds it torn.
		return fmt.Errorf("audit: beginning %s: %w", name, errors.Join(err, f.Close(), l.opts.FS.Remove(name)))
	}
	if l.file != nil {
		l.closing = append(l.closing, l.file)
	}
	l.file, l.size, l.head, l.newFile = f, int64(len(line)), next, true
	l.files++
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
