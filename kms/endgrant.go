package kms

import (
	"context"
	"strings"

	"coffer.example/internal/iam"
)

// ListGrants lists the grants of a key, all or those of an id or grantee.
func (k *KMS) ListGrants(ctx context.Context, c Caller, in ListGrantsInput) (*ListGrantsOutput, error) {
	return perform(ctx, k, c, "ListGrants", func(cl *call) (*ListGrantsOutput, error) {
		cl.params = grantParams{KeyID: in.KeyID, GranteePrincipal: in.GranteePrincipal, GrantID: in.GrantID, Limit: in.Limit}
		var v checks
		v.page(in.Page, maxGrantPage)
		v.length("grantId", in.GrantID, maxGrantID)
		v.length("granteePrincipal", in.GranteePrincipal, maxPrincipal)
		if err := v.err(); err != nil {
			return nil, err
		}
		e, err := cl.manage(ctx, in.KeyID, nil)
		if err != nil {
			return nil, err
		}
		return cl.listGrants(ctx, e, in)
	})
}

func (cl *call) listGrants(ctx context.Context, e *keyEntry, in ListGrantsInput) (*ListGrantsOutput, error) {
	out := &ListGrantsOutput{}
	keep := func(rec *grantRecord) bool {
		return (in.GrantID == "" || rec.ID == in.GrantID) && (in.GranteePrincipal == "" || rec.Grantee == in.GranteePrincipal)
	}
	add := func(rec *grantRecord, err error) (bool, error) {
		if missing(err) || err == nil && !keep(rec) {
			return false, nil
		}
		if err == nil {
			out.Grants = append(out.Grants, rec.public(e))
		}
		return true, err
	}
	byID := func(id string, _ []byte) (bool, error) { return add(cl.k.grant(ctx, e.ID, id)) }
	var err error
	switch {
	case in.GrantID != "":
		if _, ok := parseHexID(in.GrantID); !ok {
			return nil, &Error{Kind: ErrInvalidGrantID, Message: "Invalid grant id."}
		}
		_, err = byID(in.GrantID, nil)
	case in.GranteePrincipal != "":
		arn, nerr := normalize(in.GranteePrincipal)
		if nerr != nil {
			return nil, nerr
		}
		out.Next, err = cl.scanPage(ctx, in.Page, defaultGrantPage, prefixGrantee(e.ID, arn), byID)
	default:
		out.Next, err = cl.scanPage(ctx, in.Page, defaultGrantPage, prefixGrant(e.ID), func(_ string, value []byte) (bool, error) {
			var rec grantRecord
			return add(&rec, decodeRecord(value, &rec))
		})
	}
	return out, err
}

// ListRetirableGrants lists the grants on keys of the caller's account and Region that
// a principal may retire.
func (k *KMS) ListRetirableGrants(ctx context.Context, c Caller, in ListRetirableGrantsInput) (*ListGrantsOutput, error) {
	return perform(ctx, k, c, "ListRetirableGrants", func(cl *call) (*ListGrantsOutput, error) {
		cl.params = grantParams{RetiringPrincipal: in.RetiringPrincipal, Limit: in.Limit}
		var v checks
		v.page(in.Page, maxGrantPage)
		v.required("retiringPrincipal", in.RetiringPrincipal, maxPrincipal)
		if err := v.err(); err != nil {
			return nil, err
		}
		if err := cl.authorize(ctx, access{action: "ListRetirableGrants"}); err != nil {
			return nil, err
		}
		arn, err := normalize(in.RetiringPrincipal)
		if err != nil {
			return nil, err
		}
		out := &ListGrantsOutput{}
		out.Next, err = cl.scanPage(ctx, in.Page, defaultGrantPage, prefixRetiring(cl.c.Account, cl.c.Region, arn),
			func(rest string, _ []byte) (bool, error) {
				keyID, id, _ := strings.Cut(rest, "/")
				rec, err := k.grant(ctx, keyID, id)
				if missing(err) {
					return false, nil
				}
				if err != nil {
					return false, err
				}
				e := &keyEntry{arn: keyARN(cl.c.Account, cl.c.Region, keyID)}
				out.Grants = append(out.Grants, rec.public(e))
				return true, nil
			})
		return out, err
	})
}

// RevokeGrant ends a grant, from the next use on.
func (k *KMS) RevokeGrant(ctx context.Context, c Caller, in RevokeGrantInput) error {
	return run(ctx, k, c, "RevokeGrant", func(cl *call) error {
		cl.params = grantParams{KeyID: in.KeyID, GrantID: in.GrantID, DryRun: in.DryRun}
		var v checks
		v.required("grantId", in.GrantID, maxGrantID)
		if err := v.err(); err != nil {
			return err
		}
		e, err := cl.manage(ctx, in.KeyID, nil)
		if err != nil {
			return err
		}
		if _, err := cl.existingGrant(ctx, e, in.GrantID); err != nil {
			return err
		}
		if in.DryRun {
			return errDryRun
		}
		return k.deleteGrant(ctx, e, in.GrantID)
	})
}

func (cl *call) existingGrant(ctx context.Context, e *keyEntry, id string) (*grantRecord, error) {
	if _, ok := parseHexID(id); !ok {
		return nil, errNoGrant(id)
	}
	rec, err := cl.k.grant(ctx, e.ID, id)
	if missing(err) {
		return nil, errNoGrant(id)
	}
	return rec, err
}

// RetireGrant ends a grant by the will of those whom it names: the retiring principal,
// a grantee that may retire, or the account that made it.
func (k *KMS) RetireGrant(ctx context.Context, c Caller, in RetireGrantInput) error {
	return run(ctx, k, c, "RetireGrant", func(cl *call) error {
		e, rec, err := cl.grantToRetire(ctx, in)
		if err != nil {
			return err
		}
		cl.extra = map[string]any{"grantId": rec.ID}
		r, p, cond := cl.question(ctx, &access{action: "RetireGrant", key: e})
		g := rec.forEvaluation()
		cl.decision, cl.decided = iam.EvaluateRetire(r, p, &g), true
		if cond.err != nil {
			return cond.err
		}
		if !cl.decision.Allowed {
			return &Error{Kind: ErrAccessDenied, Message: cl.decision.Message(r)}
		}
		if in.DryRun {
			return errDryRun
		}
		return k.deleteGrant(ctx, e, rec.ID)
	})
}

// grantToRetire finds a grant by its token, or by key ARN and id.
func (cl *call) grantToRetire(ctx context.Context, in RetireGrantInput) (*keyEntry, *grantRecord, error) {
	var v checks
	v.length("grantToken", in.GrantToken, maxGrantToken)
	v.length("keyId", in.KeyID, maxKeyName)
	v.length("grantId", in.GrantID, maxGrantID)
	if err := v.err(); err != nil {
		return nil, nil, err
	}
	byToken, byName := in.GrantToken != "", in.KeyID != "" || in.GrantID != ""
	if byToken == byName || byName && (in.KeyID == "" || in.GrantID == "") {
		return nil, nil, refuse(ErrValidation, "Either a grant token, or a key ARN and a grant ID, must be given.")
	}
	if !byToken {
		e, _, err := cl.find(ctx, in.KeyID, idsOnly)
		if err != nil {
			return nil, nil, err
		}
		rec, err := cl.existingGrant(ctx, e, in.GrantID)
		return e, rec, err
	}
	keyID, id, err := cl.k.openGrantToken(in.GrantToken)
	if err != nil {
		return nil, nil, err
	}
	e, err := cl.k.entry(ctx, keyID)
	if err == errKeyGone || err == nil && e.Region != cl.c.Region {
		return nil, nil, errNoGrant(id)
	}
	if err != nil {
		return nil, nil, err
	}
	cl.keys = append(cl.keys, e)
	rec, err := cl.existingGrant(ctx, e, id)
	return e, rec, err
}
