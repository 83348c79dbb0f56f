package kms

import (
	"context"
	"errors"
	"sync"
	"time"

	"coffer.example/internal/meta"
)

// maxUnsavedUses bounds the last uses that are kept in memory until Tick or Close saves them.
const maxUnsavedUses = 1024

// usesPerCommit leaves room for a condition beside each put.
const usesPerCommit = meta.MaxCommitOps / 2

// useRecord is the last successful cryptographic operation with a key.
type useRecord struct {
	Operation string    `json:"operation"`
	Time      time.Time `json:"time"`
	EventID   string    `json:"eventId,omitempty"`
	RequestID string    `json:"requestId,omitempty"`
}

// uses are the last uses that are not saved yet. A crash loses them: AWS's figure lags too.
type uses struct {
	mu   sync.Mutex // guards last
	last map[string]useRecord
}

// tracked says whether an operation is a use of its keys' material.
func tracked(op string) bool {
	switch op {
	case "Encrypt", "Decrypt", "ReEncrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "GenerateDataKeyPair",
		"GenerateDataKeyPairWithoutPlaintext", "GenerateMac", "VerifyMac":
		return true
	}
	return false
}

// note keeps the last use of the call's keys.
func (cl *call) note(ctx context.Context) {
	if !tracked(cl.op) {
		return
	}
	u := &cl.k.uses
	u.mu.Lock()
	for _, e := range cl.keys {
		u.last[e.ID] = useRecord{cl.op, cl.at, cl.eventID, cl.c.RequestID}
	}
	full := len(u.last) > maxUnsavedUses
	u.mu.Unlock()
	if full {
		if err := cl.k.saveUses(ctx, usesPerCommit); err != nil {
			cl.k.o.Logf("kms: save last uses: %v", err)
		}
	}
}

// take removes up to n unsaved uses.
func (u *uses) take(n int) map[string]useRecord {
	u.mu.Lock()
	defer u.mu.Unlock()
	taken := map[string]useRecord{}
	for id, rec := range u.last {
		if len(taken) == n {
			break
		}
		taken[id] = rec
		delete(u.last, id)
	}
	return taken
}

// saveUses saves up to n uses in one commit. A use whose key changes or goes in the
// meantime is dropped.
func (k *KMS) saveUses(ctx context.Context, n int) error {
	t := newTxn()
	for id, rec := range k.uses.take(n) {
		_, revision, err := k.store.Get(ctx, nameKey(id))
		if missing(err) {
			continue
		}
		if err != nil {
			return err
		}
		t.at(nameKey(id), revision)
		t.set(nameUsage(id), rec)
	}
	if err := k.commit(ctx, t); !errors.Is(err, meta.ErrConflict) {
		return err
	}
	return nil
}

// saveAllUses saves what was unsaved when it began.
func (k *KMS) saveAllUses(ctx context.Context) error {
	k.uses.mu.Lock()
	left := len(k.uses.last)
	k.uses.mu.Unlock()
	for ; left > 0; left -= usesPerCommit {
		if err := k.saveUses(ctx, usesPerCommit); err != nil {
			return err
		}
	}
	return nil
}

// GetKeyLastUsage says when and for what a key's material was last used.
func (k *KMS) GetKeyLastUsage(ctx context.Context, c Caller, in KeyInput) (*KeyLastUsage, error) {
	return perform(ctx, k, c, "GetKeyLastUsage", func(cl *call) (*KeyLastUsage, error) {
		cl.params = keyParams{KeyID: in.KeyID}
		e, err := cl.manage(ctx, in.KeyID, nil)
		if err != nil {
			return nil, err
		}
		return k.lastUse(ctx, e)
	})
}

// lastUse is the last use of a key, saved or not.
func (k *KMS) lastUse(ctx context.Context, e *keyEntry) (*KeyLastUsage, error) {
	k.uses.mu.Lock()
	rec, ok := k.uses.last[e.ID]
	k.uses.mu.Unlock()
	if !ok {
		if _, err := k.get(ctx, nameUsage(e.ID), &rec); err != nil && !missing(err) {
			return nil, err
		}
	}
	return &KeyLastUsage{KeyID: e.ID, Created: e.Created, TrackingStart: e.Created,
		Operation: rec.Operation, Time: rec.Time, EventID: rec.EventID, RequestID: rec.RequestID}, nil
}
