package kms

import (
	"context"
	"strconv"
	"time"
)

// Types of rotation.
const (
	rotationAutomatic = "AUTOMATIC"
	rotationOnDemand  = "ON_DEMAND"
)

const day = 24 * time.Hour

// checkRotatable refuses keys that have no automatic rotation.
func checkRotatable(r *keyRecord) error {
	switch {
	case r.Spec != specSymmetric:
		return &Error{Kind: ErrUnsupported}
	case r.Origin == originExternal:
		return errOrigin(r)
	}
	return nil
}

func errOrigin(r *keyRecord) error {
	return refuse(ErrUnsupported, "%s origin is %s which is not valid for this operation.", keyARN(r.Account, r.Region, r.ID), r.Origin)
}

// EnableKeyRotation has a key rotated every period (90 to 2560 days; nil means the
// present period, at first 365).
func (k *KMS) EnableKeyRotation(ctx context.Context, c Caller, in EnableKeyRotationInput) error {
	return run(ctx, k, c, "EnableKeyRotation", func(cl *call) error {
		cl.params = keyParams{KeyID: in.KeyID, RotationPeriod: in.RotationPeriodInDays}
		var v checks
		v.between("rotationPeriodInDays", in.RotationPeriodInDays, minRotationDays, maxRotationDays)
		if err := v.err(); err != nil {
			return err
		}
		period := defaultRotation
		if in.RotationPeriodInDays != nil {
			period = *in.RotationPeriodInDays
		}
		e, err := cl.manage(ctx, in.KeyID, map[string][]string{"kms:rotationperiodindays": {strconv.Itoa(period)}})
		if err != nil {
			return err
		}
		if err := checkRotatable(&e.keyRecord); err != nil {
			return err
		}
		return cl.change(ctx, e, func(rec *keyRecord, _ *txn) error {
			if in.RotationPeriodInDays == nil && rec.Rotation.PeriodDays != 0 {
				period = rec.Rotation.PeriodDays
			}
			rec.Rotation.enable(k.now(), period)
			return nil
		}, Enabled)
	})
}

// enable starts the schedule; where it runs already, the present period only changes its length.
func (r *rotation) enable(now time.Time, periodDays int) {
	start := now
	if r.Enabled {
		start = r.Next.Add(-time.Duration(r.PeriodDays) * day)
	}
	r.Enabled, r.PeriodDays = true, periodDays
	r.Next = start.Add(time.Duration(periodDays) * day)
}

// DisableKeyRotation ends automatic rotation.
func (k *KMS) DisableKeyRotation(ctx context.Context, c Caller, in KeyInput) error {
	return run(ctx, k, c, "DisableKeyRotation", func(cl *call) error {
		cl.params = keyParams{KeyID: in.KeyID}
		e, err := cl.manage(ctx, in.KeyID, nil)
		if err != nil {
			return err
		}
		if err := checkRotatable(&e.keyRecord); err != nil {
			return err
		}
		return cl.change(ctx, e, func(rec *keyRecord, _ *txn) error {
			rec.Rotation.Enabled, rec.Rotation.Next = false, time.Time{}
			return nil
		}, Enabled)
	})
}

// GetKeyRotationStatus describes a key's automatic rotation.
func (k *KMS) GetKeyRotationStatus(ctx context.Context, c Caller, in KeyInput) (*KeyRotationStatus, error) {
	return perform(ctx, k, c, "GetKeyRotationStatus", func(cl *call) (*KeyRotationStatus, error) {
		cl.params = keyParams{KeyID: in.KeyID}
		e, err := cl.manage(ctx, in.KeyID, nil)
		if err != nil {
			return nil, err
		}
		if err := checkRotatable(&e.keyRecord); err != nil {
			return nil, err
		}
		out := &KeyRotationStatus{KeyID: e.ID}
		if r := e.Rotation; r.Enabled && e.State != PendingDeletion {
			out.Enabled, out.PeriodDays, out.Next = true, r.PeriodDays, r.Next
		}
		return out, nil
	})
}

// RotateKeyOnDemand gives a key new material at once: drawn, or for a key of imported
// material the one that waits for it. It returns the key's id.
func (k *KMS) RotateKeyOnDemand(ctx context.Context, c Caller, in KeyInput) (string, error) {
	return perform(ctx, k, c, "RotateKeyOnDemand", func(cl *call) (string, error) {
		cl.params = keyParams{KeyID: in.KeyID}
		e, err := cl.manage(ctx, in.KeyID, nil)
		if err != nil {
			return "", err
		}
		if e.Spec != specSymmetric {
			return "", &Error{Kind: ErrUnsupported}
		}
		var rotated keyRecord
		err = cl.change(ctx, e, func(rec *keyRecord, t *txn) error {
			if rec.Rotation.OnDemand >= maxOnDemand {
				return refuse(ErrLimitExceeded, "The on-demand rotations limit has been reached for the given keyId. "+
					"No more on-demand rotations can be performed for this key: %s", e.arn)
			}
			rec.Rotation.OnDemand++
			if rec.Origin == originExternal {
				err = k.stagePending(ctx, t, rec)
			} else {
				err = k.stageMaterial(t, rec, rotationOnDemand)
			}
			rotated = *rec
			return err
		}, Enabled)
		if err == nil {
			k.rotationEvent(ctx, &rotated, rotationOnDemand)
		}
		cl.response = map[string]any{"keyId": e.ID}
		return e.ID, err
	})
}

func (k *KMS) rotationEvent(ctx context.Context, rec *keyRecord, how string) {
	k.serviceEvent(ctx, rec, "RotateKey", map[string]any{"rotationType": how, "currentKeyMaterialId": rec.Material})
}

// advance does what time does to a key that stays: it expires imported material and
// rotates, once however long it was overdue.
func (k *KMS) advance(ctx context.Context, id string, now time.Time) error {
	var rotated, expired *keyRecord
	err := k.updateKey(ctx, id, func(rec *keyRecord, t *txn) error {
		rotated, expired = nil, nil
		if rec.State == PendingDeletion {
			return nil
		}
		if !rec.Expiry.IsZero() && !now.Before(rec.Expiry) {
			expired = rec
			if err := k.stageExpiry(ctx, t, rec, now); err != nil {
				return err
			}
		}
		if r := &rec.Rotation; rec.State == Enabled && r.Enabled && !now.Before(r.Next) {
			rotated = rec
			period := time.Duration(r.PeriodDays) * day
			r.Next = r.Next.Add(period * (1 + now.Sub(r.Next)/period))
			return k.stageMaterial(t, rec, rotationAutomatic)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if rotated != nil {
		k.tally.add(0, 1)
		k.rotationEvent(ctx, rotated, rotationAutomatic)
	}
	if expired != nil {
		k.serviceEvent(ctx, expired, "DeleteExpiredKeyMaterial", nil)
		return k.eraseMaterial(ctx, id)
	}
	return nil
}
