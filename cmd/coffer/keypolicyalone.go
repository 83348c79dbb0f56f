package main

import (
	"fmt"
	"time"

	"coffer.example/internal/iam"
)

// alone evaluates the policy in the file without any key store: the key is one of the
// account of --account-id, by default the principal's.
func (q *policyQuestion) alone() (policyAnswer, error) {
	if q.Principal == "" && q.Account == "" {
		return policyAnswer{}, usagef("--principal is missing")
	}
	principal := q.Principal
	if principal == "" {
		principal = q.Account
	}
	who, err := iam.PrincipalFromARN(principal)
	if err != nil {
		return policyAnswer{}, err
	}
	policy, err := iam.Parse(iam.KeyPolicy, []byte(q.Policy))
	if err != nil {
		return policyAnswer{}, fmt.Errorf("key policy: %w", err)
	}
	account, region := q.Account, q.Region
	if account == "" {
		account = who.Account
	}
	if region == "" {
		region = defaultRegion
	}
	policies := iam.Policies{Rule: iam.ResourceDecides, Resource: iam.Named{Name: "key policy", Policy: policy}}
	for i, text := range q.Identity {
		parsed, err := iam.Parse(iam.IdentityPolicy, []byte(text))
		if err != nil {
			return policyAnswer{}, fmt.Errorf("identity policy: %w", err)
		}
		policies.Identity = append(policies.Identity, iam.Named{Name: identityName(i), Policy: parsed})
	}
	request := q.request(who, account, region)
	d := iam.Explain(request, &policies, nil)
	answer := policyAnswer{Allowed: d.Allowed, Reason: d.String()}
	for _, step := range d.Trace {
		answer.Trace = append(answer.Trace, step.String())
	}
	if !d.Allowed {
		answer.Message = d.Message(request)
	}
	return answer, nil
}

// request is the question as the evaluation takes it.
func (q *policyQuestion) request(who iam.Principal, account, region string) *iam.Request {
	return &iam.Request{
		Principal: who, Action: "kms:" + q.Action, Resource: "arn:aws:kms:" + region + ":" + account + ":key/*", ResourceAccount: account,
		Time: time.Now(), Region: region, SourceIP: q.SourceIP, ViaService: q.Via, Keys: q.conditionKeys(who),
		Grant: iam.GrantRequest{Operation: q.Action, EncryptionContext: q.Context},
	}
}

// conditionKeys are the KMS's condition keys of a request that no key store sees.
func (q *policyQuestion) conditionKeys(who iam.Principal) iam.KeyMap {
	keys := iam.KeyMap{"kms:calleraccount": {who.Account}, "kms:grantisforawsresource": {fmt.Sprint(q.Via != "")}}
	if q.Via != "" {
		keys["kms:viaservice"] = []string{q.Via}
	}
	for name, value := range q.Context {
		keys["kms:encryptioncontext:"] = append(keys["kms:encryptioncontext:"], name+"="+value)
		keys["kms:encryptioncontextkeys"] = append(keys["kms:encryptioncontextkeys"], name)
	}
	for name, values := range q.Conditions {
		keys[name] = values
	}
	return keys
}

func identityName(i int) string { return fmt.Sprintf("--identity-policy %d", i+1) }
