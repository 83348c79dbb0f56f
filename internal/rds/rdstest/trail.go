package rdstest

import (
	"context"
	"encoding/json"
	"sync"
)

// Trail keeps audit events.
type Trail struct {
	mu     sync.Mutex // guards events
	events []Event
}

// Event is what tests look at of an audit event.
type Event struct {
	EventName         string
	ErrorCode         string
	UserIdentity      struct{ Type, ARN, InvokedBy string }
	RequestParameters map[string]any
	CofferDecision    struct{ Result, Reason string }
}

// Context is the encryption context of a use.
func (e Event) Context() map[string]any {
	pairs, _ := e.RequestParameters["encryptionContext"].(map[string]any)
	return pairs
}

// Record implements kms.Recorder.
func (r *Trail) Record(_ context.Context, line []byte) error {
	var e Event
	if err := json.Unmarshal(line, &e); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	return nil
}

// Take returns the events since the last Take.
func (r *Trail) Take() []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.events
	r.events = nil
	return out
}

// Names are the names of events.
func Names(events []Event) (out []string) {
	for _, e := range events {
		out = append(out, e.EventName)
	}
	return out
}
