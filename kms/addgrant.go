package kms

import (
	"context"
)

// addGrant commits a grant within the key's limit, unless one of its name exists.
func (cl *call) addGrant(ctx context.Context, e *keyEntry, rec *grantRecord) (id string, err error) {
	k, place := cl.k, prefixGrant(e.ID)
	ok, err := k.counts.add(ctx, k.store, place, 1, maxGrantsPerKey)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", refuse(ErrLimitExceeded, "The key %s has reached its limit of %d grants.", e.arn, maxGrantsPerKey)
	}
	added := false
	err = retry(func() error {
		added = false
		if id, err = k.namedGrant(ctx, e.ID, rec); err != nil || id != "" {
			return err
		}
		if id, err = newHexID(k.o.Rand); err != nil {
			return err
		}
		rec.ID = id
		if rec.RetiringARN != "" {
			rec.RetiringName = prefixRetiring(e.Account, e.Region, rec.RetiringARN) + e.ID + "/" + id
		}
		return cl.withKey(ctx, e, func(t *txn) error {
			added = true
			return stageGrant(t, e, rec)
		})
	})
	if err != nil || !added {
		k.counts.release(place)
	}
	return id, err
}

// namedGrant returns the id of the grant that an equal request with a name has made.
func (k *KMS) namedGrant(ctx context.Context, keyID string, rec *grantRecord) (string, error) {
	if rec.Name == "" {
		return "", nil
	}
	same, err := rec.sameAs()
	if err != nil {
		return "", err
	}
	var id string
	_, err = k.get(ctx, prefixNamed(keyID)+same, &id)
	if missing(err) {
		return "", nil
	}
	return id, err
}

func stageGrant(t *txn, e *keyEntry, rec *grantRecord) error {
	t.set(prefixGrant(e.ID)+rec.ID, rec)
	for _, n := range rec.names(e) {
		t.mark(n)
	}
	if rec.Name != "" {
		same, err := rec.sameAs()
		if err != nil {
			return err
		}
		t.set(prefixNamed(e.ID)+same, rec.ID)
		t.absent(prefixNamed(e.ID) + same)
	}
	t.touchesGrants(granteeName{e.ID, rec.GranteeARN})
	return nil
}

// withKey commits what stage adds on condition that the key is still enabled.
func (cl *call) withKey(ctx context.Context, e *keyEntry, stage func(*txn) error) error {
	var rec keyRecord
	revision, err := cl.k.get(ctx, nameKey(e.ID), &rec)
	if missing(err) {
		return errKeyGone
	}
	if err != nil {
		return err
	}
	if err := stateError(&rec, Enabled); err != nil {
		cl.state = rec.State
		return err
	}
	t := newTxn()
	t.at(nameKey(e.ID), revision)
	if err := stage(t); err != nil {
		return err
	}
	return cl.k.commit(ctx, t)
}
