package kms

import (
	"context"

	"coffer.example/internal/iam"
)

// Question is a request that is not made.
type Question struct {
	Operation string // as in policies without "kms:": Decrypt, ReEncryptFrom, PutKeyPolicy
	KeyID     string // any name of a key; empty for an operation without one
	// Policy, if not empty, is asked in place of the key's policy.
	Policy            string
	EncryptionContext map[string]string
	// Conditions are further condition keys in lower case, such as kms:grantoperations.
	Conditions map[string][]string
}

// Explanation is how a question would be decided, and why.
type Explanation struct {
	Allowed bool
	Reason  string   // one sentence: the statement, grant or missing allow that decides
	Message string   // AWS's, if not Allowed
	Trace   []string // what each statement and grant says
	State   KeyState // the key's, which may refuse a use that is allowed; empty without a key
}

// Explain evaluates a question as if c asked it, and does nothing. It shows policies
// to whoever calls it and is not recorded: it is for the operator.
func (k *KMS) Explain(ctx context.Context, c Caller, q Question) (*Explanation, error) {
	cl := newCall(k, c, q.Operation)
	if err := cl.prepare(); err != nil {
		return nil, err
	}
	a := access{action: q.Operation, context: q.EncryptionContext, keys: q.Conditions}
	out := &Explanation{}
	if q.KeyID != "" {
		e, alias, err := cl.find(ctx, q.KeyID, anyName)
		if err != nil {
			return nil, err
		}
		a.key, a.alias, out.State = e, alias, e.State
	}
	if q.Policy != "" {
		if a.key == nil {
			return nil, refuse(ErrValidation, "A policy is asked with a key.")
		}
		p, err := k.policies.Parse(iam.KeyPolicy, q.Policy)
		if err != nil {
			return nil, &Error{Kind: ErrMalformedPolicy, Message: err.Error()}
		}
		other := *a.key
		other.policy = p
		a.key = &other
	}
	r, p, cond := cl.question(ctx, &a)
	grants, err := cl.decide(ctx, r, p, a.key)
	if err != nil {
		return nil, err
	}
	d := iam.Explain(r, p, grants)
	out.Allowed, out.Reason, out.Trace = d.Allowed, d.String(), traceOf(d)
	if !d.Allowed {
		out.Message = d.Message(r)
	}
	return out, cond.err
}
