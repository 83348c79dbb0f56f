package audit

import (
	"context"
	"time"

	"coffer.example/aead"
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
