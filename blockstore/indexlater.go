package blockstore

import (
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// later is batches that the journal has made durable and that have not been applied. They
// gather, since every call of Pebble wakes two goroutines, until somebody reads the index,
// commits to it, or there are enough.
type later struct {
	waiting atomic.Bool // a batch has not been applied

	mu sync.Mutex    // guards b, and keeps batches in order
	b  *pebble.Batch // all of them
}

// laterBytes is how much gathers.
const laterBytes = 64 << 10

// apply applies the batch without a sync: the journal has it. After an error the store
// has failed.
func (ix *index) apply(b *batch) error {
	if err := ix.failure(); err != nil {
		return err
	}
	l := &ix.later
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.b == nil {
		l.b = b.b
	} else {
		_ = l.b.Apply(b.b, nil) // in memory: no error
		_ = b.b.Close()
	}
	l.waiting.Store(true)
	if l.b.Len() < laterBytes {
		return nil
	}
	return ix.drainLocked()
}

// drain applies what has gathered. It returns why the index has failed, or nil.
func (ix *index) drain() error {
	if ix.later.waiting.Load() {
		ix.later.mu.Lock()
		defer ix.later.mu.Unlock()
		if err := ix.drainLocked(); err != nil {
			return err
		}
	}
	return ix.failure()
}

func (ix *index) drainLocked() error {
	l := &ix.later
	if l.b == nil {
		return nil
	}
	b := l.b
	l.b = nil
	err := ix.commitWith(b, pebble.NoSync)
	l.waiting.Store(false) // only now: who finds it unset reads at once
	return err
}
