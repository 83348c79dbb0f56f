package kms

import (
	"context"
	"fmt"
	"time"

	"coffer.example/internal/iam"
)

// keyEntry is a key as operations use it: its record and parsed policy. It is shared
// and never changed.
type keyEntry struct {
	keyRecord
	arn    string
	policy *iam.Policy
}

// entryOverhead is what an entry takes beside its policy, for the cache's bound.
const entryOverhead = 2048

// entry returns a key in its state of now: what time has done to it has happened.
func (k *KMS) entry(ctx context.Context, id string) (*keyEntry, error) {
	for range maxConflicts {
		e, err := k.keys.get(id, func() (*keyEntry, int, error) { return k.loadEntry(ctx, id) })
		if err != nil {
			return nil, err
		}
		now := k.now()
		if e.Due.IsZero() || now.Before(e.Due) {
			return e, nil
		}
		if e.State == PendingDeletion {
			return nil, errKeyGone // Tick erases it
		}
		if err := k.advance(ctx, id, now); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("kms: key %s does not come to rest", id)
}

func (k *KMS) loadEntry(ctx context.Context, id string) (*keyEntry, int, error) {
	e := &keyEntry{}
	_, err := k.get(ctx, nameKey(id), &e.keyRecord)
	if missing(err) {
		return nil, 0, errKeyGone
	}
	if err != nil {
		return nil, 0, err
	}
	e.arn = keyARN(e.Account, e.Region, e.ID)
	if !e.Reserved {
		if e.policy, err = k.policies.Parse(iam.KeyPolicy, e.Policy); err != nil {
			return nil, 0, fmt.Errorf("kms: stored policy of %s: %w", e.arn, err)
		}
	}
	return e, entryOverhead + 2*len(e.Policy), nil
}

// metadata is the public view of a key.
func (r *keyRecord) metadata() *KeyMetadata {
	m := &KeyMetadata{
		Account: r.Account, Region: r.Region, ID: r.ID, ARN: keyARN(r.Account, r.Region, r.ID),
		Created: r.Created, Description: r.Description, Usage: r.Usage, Spec: r.Spec,
		Origin: r.Origin, Manager: r.Manager, State: r.State,
		DeletionDate: r.DeletionDate, ValidTo: r.ValidTo, ExpirationModel: r.ExpirationModel,
		CurrentMaterialID: r.Material,
	}
	if r.State == PendingDeletion {
		m.PendingWindowDays = r.WindowDays
	}
	if spec, ok := findMACSpec(r.Spec); ok {
		m.MACAlgorithms = []string{spec.algorithm}
		m.CurrentMaterialID = "" // AWS shows it for symmetric encryption keys only
	} else {
		m.EncryptionAlgorithms = []string{algorithmSymmetric}
	}
	return m
}

// nextDue is when time next changes the key: its deletion, the expiry of imported
// material or an automatic rotation.
func (r *keyRecord) nextDue() time.Time {
	switch {
	case r.State == PendingDeletion:
		return r.DeletionDate
	case r.State == Enabled && r.Rotation.Enabled:
		return earliest(r.Rotation.Next, r.Expiry)
	default:
		return r.Expiry // a disabled key is not rotated
	}
}

// needsImport says whether imported material is missing.
func (r *keyRecord) needsImport() bool {
	return r.Origin == originExternal && (r.Materials == 0 || r.Missing > 0)
}

// earliest returns the earlier of two times, of which a zero one does not count.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// stageDue moves a key's entry of the due index.
func stageDue(t *txn, id string, from, to time.Time) {
	if !from.IsZero() {
		t.delete(nameDue(from, id))
	}
	if !to.IsZero() {
		t.mark(nameDue(to, id))
	}
}

// defaultPolicy is the key policy of CreateKey without one.
func defaultPolicy(account string) string {
	return `{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {
    "Sid" : "Enable IAM policies",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "` + rootARN(account) + `"
    },
    "Action" : "kms:*",
    "Resource" : "*"
  } ]
}`
}

// stageNewKey fills in the ids of a new key with fresh material and stages its records.
func (k *KMS) stageNewKey(t *txn, rec *keyRecord) error {
	id, err := newUUID(k.o.Rand)
	if err != nil {
		return err
	}
	rec.ID, rec.Created = id, k.now()
	if rec.Origin == originKMS {
		if err := k.stageMaterial(t, rec, ""); err != nil {
			return err
		}
	}
	rec.Due = rec.nextDue()
	stageDue(t, id, time.Time{}, rec.Due)
	t.set(nameKey(id), rec)
	t.absent(nameKey(id))
	t.touches(id)
	if !rec.Reserved {
		t.mark(prefixKeys(rec.Account, rec.Region) + id)
	}
	return nil
}
