package kms

import (
	"context"
)

// UpdateAlias makes an alias stand for another key of the same kind.
func (k *KMS) UpdateAlias(ctx context.Context, c Caller, in AliasInput) error {
	return run(ctx, k, c, "UpdateAlias", func(cl *call) error {
		cl.params = keyParams{AliasName: in.AliasName, TargetKeyID: in.TargetKeyID}
		e, err := cl.aliasAndTarget(ctx, in)
		if err != nil {
			return err
		}
		name := prefixAliases(e.Account, e.Region) + in.AliasName
		return cl.withTarget(ctx, e, func(t *txn) error {
			rec, revision, old, err := cl.aliasOfCaller(ctx, in.AliasName)
			if err != nil {
				return err
			}
			if old != nil && (old.Usage != e.Usage || old.Spec != e.Spec) {
				return refuse(ErrValidation, "Alias %s cannot be updated to a key of another type or usage.", in.AliasName)
			}
			t.delete(prefixAliasesOf(rec.KeyID) + in.AliasName)
			t.mark(prefixAliasesOf(e.ID) + in.AliasName)
			rec.KeyID, rec.Updated = e.ID, k.now()
			t.set(name, rec)
			t.at(name, revision)
			return nil
		})
	})
}

// aliasOfCaller reads an alias and authorises the operation on its present key, which
// is nil if the key is gone.
func (cl *call) aliasOfCaller(ctx context.Context, name string) (*aliasRecord, uint64, *keyEntry, error) {
	var rec aliasRecord
	revision, err := cl.k.get(ctx, prefixAliases(cl.c.Account, cl.c.Region)+name, &rec)
	if missing(err) {
		return nil, 0, nil, refuse(ErrNotFound, "Alias %s is not found.", aliasARN(cl.c.Account, cl.c.Region, name))
	}
	if err != nil {
		return nil, 0, nil, err
	}
	e, err := cl.k.entry(ctx, rec.KeyID)
	if err == errKeyGone {
		return &rec, revision, nil, nil
	}
	if err != nil {
		return nil, 0, nil, err
	}
	return &rec, revision, e, cl.authorize(ctx, access{action: cl.op, key: e})
}

// DeleteAlias removes an alias; its key stays.
func (k *KMS) DeleteAlias(ctx context.Context, c Caller, in AliasInput) error {
	return run(ctx, k, c, "DeleteAlias", func(cl *call) error {
		cl.params = keyParams{AliasName: in.AliasName}
		if err := checkAliasName(in.AliasName); err != nil {
			return err
		}
		if err := cl.authorizeAlias(ctx, in.AliasName); err != nil {
			return err
		}
		return retry(func() error {
			rec, revision, e, err := cl.aliasOfCaller(ctx, in.AliasName)
			if err != nil {
				return err
			}
			if e != nil {
				cl.keys = []*keyEntry{e}
			}
			name := prefixAliases(cl.c.Account, cl.c.Region) + in.AliasName
			t := newTxn()
			t.delete(name)
			t.at(name, revision)
			t.delete(prefixAliasesOf(rec.KeyID) + in.AliasName)
			return k.commit(ctx, t)
		})
	})
}
