package kms

import (
	"context"
	"errors"
	"fmt"

	"coffer.example/aead"
	"coffer.example/internal/meta"
)

// maxConflicts bounds the retries of a change whose conditions fail: each failure means
// that somebody else's change succeeded.
const maxConflicts = 100

// txn collects one commit.
type txn struct {
	expect   map[string]uint64
	put      map[string][]byte
	keys     []string          // key ids whose cached entries the commit changes
	grants   []granteeName     // likewise
	wrapping []aead.WrapHeader // likewise
	err      error             // the first encoding error
}

func newTxn() *txn { return &txn{expect: map[string]uint64{}, put: map[string][]byte{}} }

// set stages a record.
func (t *txn) set(name string, record any) {
	b, err := encodeRecord(record)
	if err != nil && t.err == nil {
		t.err = err
	}
	t.put[name] = b
}

// mark stages an index entry, delete the removal of a name.
func (t *txn) mark(name string)   { t.put[name] = []byte{} }
func (t *txn) delete(name string) { t.put[name] = nil }

// absent and at are conditions: name has no value, or the value of a revision.
func (t *txn) absent(name string)              { t.expect[name] = 0 }
func (t *txn) at(name string, revision uint64) { t.expect[name] = revision }
func (t *txn) touches(keys ...string)          { t.keys = append(t.keys, keys...) }
func (t *txn) touchesGrants(g ...granteeName)  { t.grants = append(t.grants, g...) }

// commit applies t while the cached entries that it changes are out of use. It is not
// cut short by ctx: the outcome must be known.
func (k *KMS) commit(ctx context.Context, t *txn) error {
	if t.err != nil {
		return t.err
	}
	for _, id := range t.keys {
		defer k.keys.begin(id)()
	}
	for _, g := range t.grants {
		defer k.grants.begin(g)()
	}
	for _, h := range t.wrapping {
		defer k.wrapping.begin(h)()
	}
	return k.store.Commit(context.WithoutCancel(ctx), t.expect, t.put)
}

// retry runs try until it does not meet a conflict.
func retry(try func() error) error {
	for range maxConflicts {
		if err := try(); !errors.Is(err, meta.ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("kms: %d conflicting changes in a row: %w", maxConflicts, meta.ErrConflict)
}

// updateKey changes a key's record: change sees the newest record and may stage more,
// and is repeated if the record changed meanwhile.
func (k *KMS) updateKey(ctx context.Context, id string, change func(*keyRecord, *txn) error) error {
	return retry(func() error {
		var rec keyRecord
		revision, err := k.get(ctx, nameKey(id), &rec)
		if missing(err) {
			return errKeyGone
		}
		if err != nil {
			return err
		}
		t, due := newTxn(), rec.Due
		if err := change(&rec, t); err != nil {
			return err
		}
		if rec.Due = rec.nextDue(); !rec.Due.Equal(due) {
			stageDue(t, rec.ID, due, rec.Due)
		}
		t.set(nameKey(id), &rec)
		t.at(nameKey(id), revision)
		t.touches(id)
		return k.commit(ctx, t)
	})
}

// errKeyGone says that a key was deleted between two looks at it.
var errKeyGone = &Error{Kind: ErrNotFound, Message: "The key does not exist."}
