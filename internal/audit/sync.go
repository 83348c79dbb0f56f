package audit

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// syncLoop gives every record its fdatasync within SyncEvery of the first one that
// waits for it, until the log is closed.
func (l *Log) syncLoop() {
	defer close(l.done)
	for {
		select {
		case <-l.stop:
			return
		case <-l.wake:
		}
		if !l.opts.SyncAlways {
			t := time.NewTimer(l.opts.SyncEvery)
			select {
			case <-l.stop:
				t.Stop()
				return
			case <-t.C:
			}
		}
		l.sync(context.Background())
	}
}

// sync is one round: what has been written when it starts is on disk, and anchored,
// when it returns nil.
func (l *Log) sync(ctx context.Context) error {
	l.syncMu.Lock()
	defer l.syncMu.Unlock()
	l.mu.Lock()
	if l.failed != nil || l.head == l.saved {
		err := l.failed
		l.mu.Unlock()
		return err
	}
	to, file, old := l.head, l.file, l.closing
	l.closing = nil
	l.mu.Unlock()

	err := file.Sync() // files before this one were synced when it began
	for _, f := range old {
		err = errors.Join(err, f.Close())
	}
	l.mu.Lock()
	l.stats.Syncs++
	if err != nil {
		// A failed fdatasync may have dropped the dirty pages: a second one that
		// succeeds would prove nothing.
		l.fail(fmt.Errorf("%w: sync: %w", ErrFailed, err))
		err = l.failed
	} else {
		l.synced = to
		l.cond.Broadcast()
	}
	l.mu.Unlock()
	if err != nil {
		return err
	}
	return l.saveAnchor(ctx, to)
}

// saveAnchor saves a head that is on disk. A failure leaves the older anchor, which
// is still true; the next round tries again.
func (l *Log) saveAnchor(ctx context.Context, h head) error {
	err := l.opts.Anchor.Save(ctx, encodeAnchor(h))
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.stats.AnchorErrors++
		return fmt.Errorf("audit: saving the anchor: %w", err)
	}
	l.saved = h
	return nil
}

// waitSynced waits until record seq is on disk.
func (l *Log) waitSynced(ctx context.Context, seq uint64) error {
	stop := context.AfterFunc(ctx, func() {
		l.mu.Lock()
		l.cond.Broadcast()
		l.mu.Unlock()
	})
	defer stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.synced.seq < seq && l.failed == nil && ctx.Err() == nil {
		l.cond.Wait()
	}
	switch {
	case l.synced.seq >= seq:
		return nil
	case l.failed != nil && l.opts.OnError == Drop:
		l.stats.Dropped++
		return nil
	case l.failed != nil:
		return l.failed
	}
	return ctx.Err()
}

// Close syncs, saves the anchor and closes. The log refuses records afterwards.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return ErrClosed
	}
	l.closed = true
	l.mu.Unlock()
	close(l.stop)
	<-l.done
	err := l.sync(context.Background())
	l.syncMu.Lock()
	defer l.syncMu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.closing { // left over when the log had failed
		err = errors.Join(err, f.Close())
	}
	l.closing = nil
	return errors.Join(err, l.file.Close())
}
