package ecr

import (
	"context"
	"sync"
)

// locks serialises the changes of each upload, and those of each repository that must
// see its layers and images together. An upload's lock is taken before its repository's.
// Only what is being changed has an entry.
type locks struct {
	mu   sync.Mutex
	held map[string]*lock // guarded by mu
}

type lock struct {
	turn  chan struct{} // holds one token while free
	users int           // holders and waiters; guarded by locks.mu
}

func newLocks() *locks { return &locks{held: map[string]*lock{}} }

// acquire locks id and returns what unlocks it.
func (l *locks) acquire(ctx context.Context, id string) (release func(), err error) {
	l.mu.Lock()
	entry := l.held[id]
	if entry == nil {
		entry = &lock{turn: make(chan struct{}, 1)}
		entry.turn <- struct{}{}
		l.held[id] = entry
	}
	entry.users++
	l.mu.Unlock()
	select {
	case <-entry.turn:
		return func() { entry.turn <- struct{}{}; l.leave(id) }, nil
	case <-ctx.Done():
		l.leave(id)
		return nil, context.Cause(ctx)
	}
}

func (l *locks) leave(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	entry := l.held[id]
	if entry.users--; entry.users == 0 {
		delete(l.held, id)
	}
}
