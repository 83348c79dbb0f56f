package ec2test

import (
	"context"
	"sync"
)

// Exports remembers what is published; a client keeps Withdraw waiting.
type Exports struct {
	w         *World
	mu        sync.Mutex
	published map[string]bool
	clients   map[string]chan struct{}
}

// Publish implements ec2.Exports.
func (e *Exports) Publish(_ context.Context, id string) error {
	return around(e.w, func() error {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.published[id] = true
		return nil
	})
}

// Connect connects a client to an export until it leaves.
func (e *Exports) Connect(id string) (leave func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	left := make(chan struct{})
	e.clients[id] = left
	return sync.OnceFunc(func() { close(left) })
}

// Withdraw implements ec2.Exports.
func (e *Exports) Withdraw(ctx context.Context, id string, force bool) error {
	return around(e.w, func() error {
		e.mu.Lock()
		client := e.clients[id]
		if force {
			delete(e.clients, id)
		}
		e.mu.Unlock()
		if client != nil && !force {
			select {
			case <-client:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.published, id)
		return nil
	})
}

// URI implements ec2.Exports.
func (e *Exports) URI(id string) string { return "nbd+unix:///" + id + "?socket=/run/coffer.sock" }

// Published says whether a volume is served.
func (e *Exports) Published(id string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.published[id]
}
