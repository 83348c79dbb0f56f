package nbd

import (
	"context"
	"sync"
)

// budget bounds a quantity in flight. Waiters are served in order, so that a large
// request is not starved by small ones.
type budget struct {
	limit int64

	mu      sync.Mutex // guards the rest
	used    int64
	waiters []*waiter
}

type waiter struct {
	n     int64
	ready chan struct{}
}

// fits says whether n may be taken; anything may be taken from an unused budget, or a
// single request over the limit would never pass. The caller holds mu.
func (b *budget) fits(n int64) bool { return b.used == 0 || b.used+n <= b.limit }

// tryAcquire takes n unless that needs waiting.
func (b *budget) tryAcquire(n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiters) > 0 || !b.fits(n) {
		return false
	}
	b.used += n
	return true
}

// acquire takes n, waiting for it until the context ends.
func (b *budget) acquire(ctx context.Context, n int64) error {
	b.mu.Lock()
	if len(b.waiters) == 0 && b.fits(n) {
		b.used += n
		b.mu.Unlock()
		return nil
	}
	w := &waiter{n, make(chan struct{})}
	b.waiters = append(b.waiters, w)
	b.mu.Unlock()
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, other := range b.waiters {
		if other == w {
			b.waiters = append(b.waiters[:i], b.waiters[i+1:]...)
			b.wake()
			return ctx.Err()
		}
	}
	b.used -= n // granted while the context ended
	b.wake()
	return ctx.Err()
}

// release gives n back.
func (b *budget) release(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= n
	b.wake()
}

// wake grants what fits, in order. The caller holds mu.
func (b *budget) wake() {
	for len(b.waiters) > 0 && b.fits(b.waiters[0].n) {
		w := b.waiters[0]
		b.waiters = b.waiters[1:]
		b.used += w.n
		close(w.ready)
	}
}

func (b *budget) inUse() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}
