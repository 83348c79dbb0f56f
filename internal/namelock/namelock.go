// Package namelock has locks that are made as they are needed: one for each name that
// somebody holds or waits for, and no other. A name is whatever the user calls what it
// changes, such as the id of a resource.
//
// It is not a lock between processes, and not re-entrant: whoever holds a name and
// acquires it again waits for itself.
package namelock

import (
	"context"
	"slices"
	"sync"
)

// Locks are the locks of one set of names. The zero value is ready to use.
type Locks struct {
	mu   sync.Mutex
	held map[string]*lock // guarded by mu
}

type lock struct {
	turn  chan struct{} // holds one token while free
	users int           // holders and waiters; guarded by Locks.mu
}

// Acquire locks names, in their order whatever the caller's, and returns what unlocks
// them. Whoever takes names in several calls must agree with all others on the order of
// those. It gives up, holding nothing, when ctx ends.
func (l *Locks) Acquire(ctx context.Context, names ...string) (release func(), err error) {
	names = slices.Clone(names)
	slices.Sort(names)
	names = slices.Compact(names)
	for i, name := range names {
		if err := l.one(ctx, name); err != nil {
			l.release(names[:i])
			return nil, err
		}
	}
	return func() { l.release(names) }, nil
}

func (l *Locks) one(ctx context.Context, name string) error {
	l.mu.Lock()
	if l.held == nil {
		l.held = map[string]*lock{}
	}
	entry := l.held[name]
	if entry == nil {
		entry = &lock{turn: make(chan struct{}, 1)}
		entry.turn <- struct{}{}
		l.held[name] = entry
	}
	entry.users++
	l.mu.Unlock()
	select {
	case <-entry.turn:
		return nil
	case <-ctx.Done():
		l.leave(name)
		return context.Cause(ctx)
	}
}

func (l *Locks) release(names []string) {
	for _, name := range slices.Backward(names) {
		l.mu.Lock()
		l.held[name].turn <- struct{}{}
		l.mu.Unlock()
		l.leave(name)
	}
}

func (l *Locks) leave(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	entry := l.held[name]
	if entry.users--; entry.users == 0 {
		delete(l.held, name)
	}
}
