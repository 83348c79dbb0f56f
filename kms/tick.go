package kms

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"coffer.example/internal/meta"
)

// Tick does what time has made due: it erases keys whose deletion window has passed,
// rotates keys, expires imported material and saves last uses. A server calls it every minute or so.
// Without Tick operations see every effect at its time, but a key whose window has
// passed stays in lists, and on the disk.
func (k *KMS) Tick(ctx context.Context) error {
	now := k.now()
	var marks []string
	end := nameDue(now, "\U0010ffff")
	err := k.store.Scan(ctx, prefixDue, "", 0, func(name string, _ []byte, _ uint64) error {
		if name > end {
			return errPageFull
		}
		marks = append(marks, name)
		return nil
	})
	if err != nil && !errors.Is(err, errPageFull) {
		return err
	}
	errs := []error{k.saveAllUses(ctx)}
	for _, mark := range marks { // one key that fails does not hold up the others
		if err := k.settle(ctx, mark, now); err != nil && ctx.Err() == nil {
			errs = append(errs, fmt.Errorf("kms: %s: %w", mark, err))
		}
	}
	return errors.Join(append(errs, ctx.Err())...)
}

// settle does all that is due for the key of a mark in the due index.
func (k *KMS) settle(ctx context.Context, mark string, now time.Time) error {
	id := mark[len(prefixDue)+digitsDueSeconds+1:]
	var rec keyRecord
	_, err := k.get(ctx, nameKey(id), &rec)
	switch {
	case missing(err):
		return k.eraseRest(ctx, id, mark) // a deletion that was interrupted
	case err != nil:
		return err
	case rec.State != PendingDeletion:
		return k.advance(ctx, id, now)
	case now.Before(rec.DeletionDate):
		return nil
	}
	deleted, err := k.deleteRecord(ctx, &rec)
	if err != nil || !deleted {
		return err
	}
	return k.eraseRest(ctx, id, mark)
}

// deleteRecord begins a deletion: without its record and names nothing can use the key
// any more, while its mark in the due index keeps the deletion going. It reports false
// if the deletion was cancelled meanwhile.
func (k *KMS) deleteRecord(ctx context.Context, rec *keyRecord) (deleted bool, err error) {
	names, err := k.aliasesOf(ctx, rec.ID)
	if err != nil {
		return false, err
	}
	err = retry(func() error {
		var now keyRecord
		revision, err := k.get(ctx, nameKey(rec.ID), &now)
		if err != nil {
			return err
		}
		if now.State != PendingDeletion || !now.DeletionDate.Equal(rec.DeletionDate) {
			return nil
		}
		t := newTxn()
		t.delete(nameKey(rec.ID))
		t.at(nameKey(rec.ID), revision)
		t.delete(prefixKeys(rec.Account, rec.Region) + rec.ID)
		for _, name := range names {
			t.delete(prefixAliases(rec.Account, rec.Region) + name)
		}
		t.touches(rec.ID)
		err = k.commit(ctx, t)
		deleted = err == nil
		return err
	})
	if deleted {
		k.counts.release(prefixKeys(rec.Account, rec.Region))
		k.serviceEvent(ctx, rec, "DeleteKey", nil)
	}
	return deleted, err
}

// eraseRest removes everything that belongs to a key without a record: the records,
// then their bytes in the files of the store, at last the mark. It may be repeated.
func (k *KMS) eraseRest(ctx context.Context, id, mark string) error {
	for _, prefix := range []string{prefixMaterial(id), prefixGrant(id), "kms/grantee/" + id + "/", prefixNamed(id), prefixAliasesOf(id)} {
		if err := k.deletePrefix(ctx, id, prefix); err != nil {
			return err
		}
	}
	t := newTxn()
	t.delete(nameUsage(id))
	if err := k.commit(ctx, t); err != nil {
		return err
	}
	k.wrapping.drop()
	if err := meta.Erase(ctx, k.store, prefixMaterial(id)); err != nil {
		return err
	}
	t = newTxn()
	t.delete(mark)
	if err := k.commit(ctx, t); err != nil {
		return err
	}
	k.tally.add(1, 0)
	return nil
}

// deletePrefix removes every name under a prefix, in commits of bounded size.
func (k *KMS) deletePrefix(ctx context.Context, id, prefix string) error {
	for {
		t := newTxn()
		err := k.store.Scan(ctx, prefix, "", meta.MaxCommitOps/2, func(name string, value []byte, _ uint64) error {
			t.delete(name)
			if strings.HasPrefix(name, prefixGrant(id)) {
				return k.unindexGrant(t, id, value)
			}
			return nil
		})
		if err != nil || len(t.put) == 0 {
			return err
		}
		if err := k.commit(ctx, t); err != nil {
			return err
		}
	}
}

// unindexGrant stages the removal of the one index entry of a grant that lies outside
// the key's prefixes. The grantee's cached grants go with it.
func (k *KMS) unindexGrant(t *txn, id string, value []byte) error {
	var g grantRecord
	if err := decodeRecord(value, &g); err != nil {
		return err
	}
	t.touchesGrants(granteeName{id, g.GranteeARN})
	if g.RetiringName != "" {
		t.delete(g.RetiringName)
	}
	return nil
}
