package kms

import "context"

const defaultPolicyName = "default"

// GetKeyPolicy returns a key's policy.
func (k *KMS) GetKeyPolicy(ctx context.Context, c Caller, in GetKeyPolicyInput) (*GetKeyPolicyOutput, error) {
	return perform(ctx, k, c, "GetKeyPolicy", func(cl *call) (*GetKeyPolicyOutput, error) {
		cl.params = keyParams{KeyID: in.KeyID, PolicyName: in.PolicyName}
		e, err := cl.manage(ctx, in.KeyID, nil)
		if err != nil {
			return nil, err
		}
		if in.PolicyName != "" && in.PolicyName != defaultPolicyName {
			return nil, refuse(ErrNotFound, "No such policy exists")
		}
		return &GetKeyPolicyOutput{Policy: e.Policy, PolicyName: defaultPolicyName}, nil
	})
}

// PutKeyPolicy replaces a key's policy, from the next use on.
func (k *KMS) PutKeyPolicy(ctx context.Context, c Caller, in PutKeyPolicyInput) error {
	return run(ctx, k, c, "PutKeyPolicy", func(cl *call) error {
		cl.params = keyParams{KeyID: in.KeyID, PolicyName: in.PolicyName, Policy: in.Policy, Bypass: &in.BypassPolicyLockoutSafetyCheck}
		var v checks
		v.required("policy", in.Policy, maxPolicyMember)
		if err := v.err(); err != nil {
			return err
		}
		e, err := cl.manage(ctx, in.KeyID, map[string][]string{
			"kms:bypasspolicylockoutsafetycheck": boolKey(in.BypassPolicyLockoutSafetyCheck)})
		if err != nil {
			return err
		}
		if in.PolicyName != "" && in.PolicyName != defaultPolicyName {
			return refuse(ErrNotFound, "No such policy exists")
		}
		next := e.keyRecord
		next.Policy = in.Policy
		if err := cl.checkPolicy(ctx, &next, !in.BypassPolicyLockoutSafetyCheck); err != nil {
			return err
		}
		return cl.change(ctx, e, func(rec *keyRecord, _ *txn) error {
			rec.Policy = in.Policy
			return nil
		}, Enabled, Disabled, PendingDeletion, PendingImport)
	})
}

// ListKeyPolicies lists the names of a key's policies: there is one, "default".
func (k *KMS) ListKeyPolicies(ctx context.Context, c Caller, in ListKeyPoliciesInput) (*ListKeyPoliciesOutput, error) {
	return perform(ctx, k, c, "ListKeyPolicies", func(cl *call) (*ListKeyPoliciesOutput, error) {
		cl.params = keyParams{KeyID: in.KeyID, Limit: in.Limit}
		var v checks
		v.page(in.Page, maxPage)
		if err := v.err(); err != nil {
			return nil, err
		}
		if _, err := cl.manage(ctx, in.KeyID, nil); err != nil {
			return nil, err
		}
		if in.Marker != "" {
			return nil, &Error{Kind: ErrInvalidMarker, Message: "Could not deserialize marker."}
		}
		return &ListKeyPoliciesOutput{PolicyNames: []string{defaultPolicyName}}, nil
	})
}
