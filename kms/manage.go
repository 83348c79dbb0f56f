package kms

import (
	"context"
	"time"
)

// DescribeKey describes a key. Naming a predefined alias of AWS makes the AWS managed key.
func (k *KMS) DescribeKey(ctx context.Context, c Caller, in DescribeKeyInput) (*KeyMetadata, error) {
	return perform(ctx, k, c, "DescribeKey", func(cl *call) (*KeyMetadata, error) {
		cl.params = keyParams{KeyID: in.KeyID}
		var v checks
		v.keyID(in.KeyID)
		v.grantTokens(in.GrantTokens)
		if err := v.err(); err != nil {
			return nil, err
		}
		e, alias, err := cl.find(ctx, in.KeyID, anyName)
		if err != nil {
			return nil, err
		}
		if err := cl.checkGrantTokens(in.GrantTokens); err != nil {
			return nil, err
		}
		if err := cl.authorize(ctx, access{action: "DescribeKey", key: e, alias: alias}); err != nil {
			return nil, err
		}
		return e.metadata(), nil
	})
}

// ListKeys lists the keys of the caller's account and Region, AWS managed ones too.
func (k *KMS) ListKeys(ctx context.Context, c Caller, in ListKeysInput) (*ListKeysOutput, error) {
	return perform(ctx, k, c, "ListKeys", func(cl *call) (*ListKeysOutput, error) {
		cl.params = keyParams{Limit: in.Limit}
		var v checks
		v.page(in.Page, maxPage)
		if err := v.err(); err != nil {
			return nil, err
		}
		if err := cl.authorize(ctx, access{action: "ListKeys"}); err != nil {
			return nil, err
		}
		out := &ListKeysOutput{}
		var err error
		out.Next, err = cl.scanPage(ctx, in.Page, defaultPage, prefixKeys(cl.c.Account, cl.c.Region), func(id string, _ []byte) (bool, error) {
			out.Keys = append(out.Keys, KeyListEntry{id, keyARN(cl.c.Account, cl.c.Region, id)})
			return true, nil
		})
		return out, err
	})
}

// manage finds a key for a management operation and authorises it.
func (cl *call) manage(ctx context.Context, keyID string, keys map[string][]string) (*keyEntry, error) {
	var v checks
	v.keyID(keyID)
	if err := v.err(); err != nil {
		return nil, err
	}
	e, _, err := cl.find(ctx, keyID, idsOnly)
	if err != nil {
		return nil, err
	}
	return e, cl.authorize(ctx, access{action: cl.op, key: e, keys: keys})
}

// change changes a customer's key in one of the allowed states.
func (cl *call) change(ctx context.Context, e *keyEntry, fn func(*keyRecord, *txn) error, allowed ...KeyState) error {
	return cl.k.updateKey(ctx, e.ID, func(rec *keyRecord, t *txn) error {
		if rec.Manager == managerAWS {
			return refuse(ErrAccessDenied, "User: %s is not authorized to perform: kms:%s on resource: %s because AWS managed keys are changed by their service only",
				cl.c.ARN, cl.op, e.arn)
		}
		if err := stateError(rec, allowed...); err != nil {
			cl.state = rec.State
			return err
		}
		return fn(rec, t)
	})
}

// UpdateKeyDescription replaces a key's description.
func (k *KMS) UpdateKeyDescription(ctx context.Context, c Caller, in UpdateKeyDescriptionInput) error {
	return run(ctx, k, c, "UpdateKeyDescription", func(cl *call) error {
		cl.params = keyParams{KeyID: in.KeyID, Description: &in.Description}
		var v checks
		v.length("description", in.Description, maxDescription)
		if err := v.err(); err != nil {
			return err
		}
		e, err := cl.manage(ctx, in.KeyID, nil)
		if err != nil {
			return err
		}
		return cl.change(ctx, e, func(rec *keyRecord, _ *txn) error {
			rec.Description = in.Description
			return nil
		}, Enabled, Disabled, PendingImport)
	})
}

// EnableKey makes a disabled key usable.
func (k *KMS) EnableKey(ctx context.Context, c Caller, in KeyInput) error {
	return k.setState(ctx, c, "EnableKey", in, Enabled)
}

// DisableKey makes a key unusable, from the next use on.
func (k *KMS) DisableKey(ctx context.Context, c Caller, in KeyInput) error {
	return k.setState(ctx, c, "DisableKey", in, Disabled)
}

func (k *KMS) setState(ctx context.Context, c Caller, op string, in KeyInput, state KeyState) error {
	return run(ctx, k, c, op, func(cl *call) error {
		cl.params = keyParams{KeyID: in.KeyID}
		e, err := cl.manage(ctx, in.KeyID, nil)
		if err != nil {
			return err
		}
		return cl.change(ctx, e, func(rec *keyRecord, _ *txn) error {
			rec.State = state
			return nil
		}, Enabled, Disabled)
	})
}

// ScheduleKeyDeletion makes a key unusable and erases it when the window has passed.
func (k *KMS) ScheduleKeyDeletion(ctx context.Context, c Caller, in ScheduleKeyDeletionInput) (*ScheduleKeyDeletionOutput, error) {
	return perform(ctx, k, c, "ScheduleKeyDeletion", func(cl *call) (*ScheduleKeyDeletionOutput, error) {
		cl.params = keyParams{KeyID: in.KeyID, PendingWindowInDays: in.PendingWindowInDays}
		days := maxWindowDays
		if in.PendingWindowInDays != nil {
			days = *in.PendingWindowInDays
		}
		var v checks
		v.between("pendingWindowInDays", &days, minWindowDays, maxWindowDays)
		if err := v.err(); err != nil {
			return nil, err
		}
		e, err := cl.manage(ctx, in.KeyID, map[string][]string{"kms:schedulekeydeletionpendingwindowindays": intKey(days)})
		if err != nil {
			return nil, err
		}
		out := &ScheduleKeyDeletionOutput{KeyARN: e.arn, State: PendingDeletion, PendingWindowInDays: days}
		err = cl.change(ctx, e, func(rec *keyRecord, _ *txn) error {
			rec.State, rec.WindowDays = PendingDeletion, days
			rec.DeletionDate = k.now().Add(time.Duration(days) * 24 * time.Hour)
			out.DeletionDate = rec.DeletionDate
			return nil
		}, Enabled, Disabled, PendingImport)
		cl.response = map[string]any{"keyId": e.arn, "keyState": PendingDeletion, "pendingWindowInDays": days,
			"deletionDate": out.DeletionDate.Format(time.RFC3339)}
		return out, err
	})
}

// CancelKeyDeletion keeps a key that was to be deleted, disabled. It returns the key's ARN.
func (k *KMS) CancelKeyDeletion(ctx context.Context, c Caller, in KeyInput) (string, error) {
	return perform(ctx, k, c, "CancelKeyDeletion", func(cl *call) (string, error) {
		cl.params = keyParams{KeyID: in.KeyID}
		e, err := cl.manage(ctx, in.KeyID, nil)
		if err != nil {
			return "", err
		}
		cl.response = map[string]any{"keyId": e.arn}
		return e.arn, cl.k.updateKey(ctx, e.ID, func(rec *keyRecord, _ *txn) error {
			if rec.State != PendingDeletion {
				cl.state = rec.State
				return refuse(ErrInvalidState, "%s is not pending deletion.", e.arn)
			}
			if !k.now().Before(rec.DeletionDate) {
				return errKeyGone
			}
			rec.State, rec.DeletionDate, rec.WindowDays = Disabled, time.Time{}, 0
			if rec.needsImport() {
				rec.State = PendingImport
			}
			return nil
		})
	})
}
