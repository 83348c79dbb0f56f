package rds

import (
	"context"
	"slices"
	"sync"
)

// locks serialises the changes of each resource. Whoever needs several takes them in
// one call or in this order: databases before snapshots, each by key. Only resources
// being changed have an entry.
type locks struct {
	mu   sync.Mutex
	held map[string]*lock // guarded by mu
}

type lock struct {
	turn  chan struct{} // holds one token while free
	users int           // holders and waiters; guarded by locks.mu
}

func newLocks() *locks { return &locks{held: map[string]*lock{}} }

// acquire locks ids and returns what unlocks them.
func (l *locks) acquire(ctx context.Context, ids ...string) (release func(), err error) {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	for i, id := range ids {
		if err := l.one(ctx, id); err != nil {
			l.release(ids[:i])
			return nil, err
		}
	}
	return func() { l.release(ids) }, nil
}

func (l *locks) one(ctx context.Context, id string) error {
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
		return nil
	case <-ctx.Done():
		l.leave(id)
		return context.Cause(ctx)
	}
}

func (l *locks) release(ids []string) {
	for _, id := range slices.Backward(ids) {
		l.mu.Lock()
		l.held[id].turn <- struct{}{}
		l.mu.Unlock()
		l.leave(id)
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
