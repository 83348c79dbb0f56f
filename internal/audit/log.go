package audit

import (
	"context"
	"time"

	"coffer.example/aead"
)

// AnchorStore keeps the head of the chain outside the log. Load answers nil when nothing was ever saved.
type AnchorStore interface {
	Load(ctx context.Context) ([]byte, error)
	Save(ctx context.Context, anchor []byte) error
}

// OnError says what Record does when the log cannot be written.
type OnError uint8

// The policies.
const (
	Fail OnError = iota // Record fails, and with it the request
	Drop                // Record succeeds; the number of dropped events is recorded once writing works again
)

// Options configure a Log.
type Options struct {
	Dir          string
	Key          *aead.MACKey // derived under aead.LabelAudit
	Anchor       AnchorStore
	FS           FS               // nil: the operating system's
	Now          func() time.Time // nil: time.Now
	MaxFileBytes int64            // 0: DefaultMaxFileBytes
	MaxFiles     int              // 0: DefaultMaxFiles
	SyncEvery    time.Duration    // 0: DefaultSyncEvery
	SyncAlways   bool             // every Record waits for an fdatasync
	OnError      OnError
}

// FS is what a Log needs of a file system.
type FS interface{}

// Log is an append-only chained log. It is safe for concurrent use.
type Log struct{ opts Options }

// Open opens or creates the log in a directory and recovers a torn end.
func Open(ctx context.Context, o Options) (*Log, error) { return &Log{opts: o}, nil }

// Record appends one event: one JSON object on one line. When it returns nil the
// event has been handed to the operating system (or, with SyncAlways, is on disk).
func (l *Log) Record(ctx context.Context, event []byte) error { return nil }

// Close syncs, saves the anchor and closes.
func (l *Log) Close() error { return nil }
