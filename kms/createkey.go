package kms

import (
	"context"
	"errors"
	"slices"
	"strings"

	"coffer.example/internal/iam"
)

// CreateKey makes a KMS key in the caller's account and Region.
func (k *KMS) CreateKey(ctx context.Context, c Caller, in CreateKeyInput) (*KeyMetadata, error) {
	return perform(ctx, k, c, "CreateKey", func(cl *call) (*KeyMetadata, error) {
		cl.params = createKeyParams{in.Policy, in.Description, in.KeyUsage, in.KeySpec, in.CustomerMasterKeySpec,
			in.Origin, in.BypassPolicyLockoutSafetyCheck, in.MultiRegion, in.Tags}
		rec, err := cl.newKey(in)
		if err != nil {
			return nil, err
		}
		if err := cl.authorize(ctx, access{action: "CreateKey", tags: in.Tags, spec: rec,
			keys: map[string][]string{"kms:bypasspolicylockoutsafetycheck": boolKey(in.BypassPolicyLockoutSafetyCheck)}}); err != nil {
			return nil, err
		}
		if len(in.Tags) > 0 {
			if err := cl.authorize(ctx, access{action: "TagResource", tags: in.Tags, spec: rec}); err != nil {
				return nil, err
			}
		}
		if err := cl.checkPolicy(ctx, rec, in.Policy != "" && !in.BypassPolicyLockoutSafetyCheck); err != nil {
			return nil, err
		}
		if err := k.addKey(ctx, rec); err != nil {
			return nil, err
		}
		m := rec.metadata()
		cl.keys = append(cl.keys, &keyEntry{keyRecord: *rec, arn: m.ARN})
		cl.response = map[string]any{"keyMetadata": eventMetadata(m)}
		return m, nil
	})
}

// addKey commits a new customer key within the account's limit.
func (k *KMS) addKey(ctx context.Context, rec *keyRecord) error {
	place := prefixKeys(rec.Account, rec.Region)
	ok, err := k.counts.add(ctx, k.store, place, 1, maxKeys)
	if err != nil {
		return err
	}
	if !ok {
		return refuse(ErrLimitExceeded, "The account has reached its limit of %d KMS keys.", maxKeys)
	}
	t := newTxn()
	if err = k.stageNewKey(t, rec); err == nil {
		err = k.commit(ctx, t)
	}
	if err != nil {
		k.counts.release(place)
	}
	return err
}

// newKey validates a CreateKey request and returns the record it asks for, without ids.
func (cl *call) newKey(in CreateKeyInput) (*keyRecord, error) {
	var v checks
	v.length("policy", in.Policy, maxPolicyMember)
	v.length("description", in.Description, maxDescription)
	v.enum("keyUsage", in.KeyUsage, "SIGN_VERIFY", usageEncrypt, usageMAC, "KEY_AGREEMENT")
	v.enum("origin", in.Origin, originKMS, originExternal, "AWS_CLOUDHSM", "EXTERNAL_KEY_STORE")
	v.enum("keySpec", in.KeySpec, keySpecs()...)
	v.enum("customerMasterKeySpec", in.CustomerMasterKeySpec, keySpecs()...)
	v.tags(in.Tags)
	if err := v.err(); err != nil {
		return nil, err
	}
	spec, err := specOf(in)
	if err != nil {
		return nil, err
	}
	if err := checkTags(nil, in.Tags); err != nil {
		return nil, err
	}
	rec := &keyRecord{
		Account: cl.c.Account, Region: cl.c.Region, Description: in.Description, Usage: usageEncrypt, Spec: spec,
		Origin: originKMS, Manager: managerCustomer, State: Enabled, Tags: sortedTags(in.Tags), Policy: in.Policy,
	}
	if spec != specSymmetric {
		rec.Usage = usageMAC
	}
	if in.Origin == originExternal {
		rec.Origin, rec.State = originExternal, PendingImport
	}
	if rec.Policy == "" {
		rec.Policy = defaultPolicy(rec.Account)
	}
	return rec, nil
}

// keySpecs are all of the model; most are out of coffer's scope.
func keySpecs() []string {
	return []string{"RSA_2048", "RSA_3072", "RSA_4096", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_SECG_P256K1",
		specSymmetric, "HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512", "SM2", "ML_DSA_44", "ML_DSA_65", "ML_DSA_87", "ECC_NIST_EDWARDS25519"}
}

// specOf checks that usage, spec and origin go together and are served.
func specOf(in CreateKeyInput) (string, error) {
	spec := in.KeySpec
	if spec != "" && in.CustomerMasterKeySpec != "" && spec != in.CustomerMasterKeySpec {
		return "", refuse(ErrValidation, "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is deprecated.")
	}
	if spec == "" {
		spec = in.CustomerMasterKeySpec
	}
	if spec == "" {
		spec = specSymmetric
	}
	_, mac := findMACSpec(spec)
	switch {
	case in.MultiRegion:
		return "", refuse(ErrUnsupported, "Multi-Region keys are not supported.")
	case in.CustomKeyStoreID != "" || in.XksKeyID != "" || in.Origin == "AWS_CLOUDHSM" || in.Origin == "EXTERNAL_KEY_STORE":
		return "", refuse(ErrUnsupported, "Custom key stores are not supported.")
	case spec != specSymmetric && in.KeyUsage == "":
		return "", refuse(ErrValidation, "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.")
	case spec == specSymmetric && in.KeyUsage != "" && in.KeyUsage != usageEncrypt, mac && in.KeyUsage != usageMAC:
		return "", refuse(ErrValidation, "KeyUsage %s is not compatible with KeySpec %s", in.KeyUsage, spec)
	case spec != specSymmetric && !mac:
		return "", refuse(ErrUnsupported, "KeySpec %s is not supported.", spec)
	}
	return spec, nil
}

// checkPolicy parses a key policy and, if lockout is set, refuses one under which
// the caller could not change it again.
func (cl *call) checkPolicy(ctx context.Context, rec *keyRecord, lockout bool) error {
	if len(rec.Policy) > maxPolicySize {
		return refuse(ErrLimitExceeded, "The key policy exceeds the limit of %d bytes.", maxPolicySize)
	}
	p, err := cl.k.policies.Parse(iam.KeyPolicy, rec.Policy)
	if errors.Is(err, iam.ErrPolicyTooLarge) {
		return refuse(ErrLimitExceeded, "The key policy exceeds the limit of %d bytes.", maxPolicySize)
	}
	if err != nil {
		return &Error{Kind: ErrMalformedPolicy, Message: err.Error()}
	}
	if err := cl.k.checkPolicyPrincipals(ctx, p); err != nil {
		return err
	}
	if !lockout {
		return nil
	}
	r, _, _ := cl.question(ctx, &access{key: &keyEntry{keyRecord: *rec, arn: keyARN(rec.Account, rec.Region, rec.ID)}})
	if !iam.AllowsPutKeyPolicy(r, p) {
		return refuse(ErrMalformedPolicy, "The new key policy will not allow you to update the key policy in the future.")
	}
	return nil
}

// sortedTags returns tags ordered by key.
func sortedTags(tags []Tag) []Tag {
	out := slices.Clone(tags)
	slices.SortFunc(out, func(a, b Tag) int { return strings.Compare(a.Key, b.Key) })
	return out
}
