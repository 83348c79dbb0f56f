package kmsapi

import (
	"context"

	"coffer.example/internal/awsapi"
	"coffer.example/kms"
)

func (a *api) policies() map[string]awsapi.Operation {
	return map[string]awsapi.Operation{
		"GetKeyPolicy":    read(a.getKeyPolicy),
		"PutKeyPolicy":    write(a.putKeyPolicy),
		"ListKeyPolicies": read(a.listKeyPolicies),
	}
}

type policyName struct {
	PolicyName string `api:"PolicyName" len:"1..128" pattern:"[\\w]+"`
}

type getKeyPolicyInput struct {
	keyInput
	policyName
}

type getKeyPolicyOutput struct {
	Policy     string `json:"Policy"`
	PolicyName string `json:"PolicyName"`
}

func (a *api) getKeyPolicy(ctx context.Context, r *awsapi.Request, in *getKeyPolicyInput) (any, error) {
	out, err := a.kms.GetKeyPolicy(ctx, r.Caller(), kms.GetKeyPolicyInput{KeyID: in.KeyID, PolicyName: in.PolicyName})
	if err != nil {
		return nil, err
	}
	return &getKeyPolicyOutput{out.Policy, out.PolicyName}, nil
}

type putKeyPolicyInput struct {
	keyInput
	policyName
	Policy                         string `api:"Policy,required" len:"1..131072" pattern:"[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+"`
	BypassPolicyLockoutSafetyCheck bool   `api:"BypassPolicyLockoutSafetyCheck"`
}

func (a *api) putKeyPolicy(ctx context.Context, r *awsapi.Request, in *putKeyPolicyInput) (any, error) {
	return nil, a.kms.PutKeyPolicy(ctx, r.Caller(), kms.PutKeyPolicyInput{
		KeyID: in.KeyID, PolicyName: in.PolicyName, Policy: in.Policy,
		BypassPolicyLockoutSafetyCheck: in.BypassPolicyLockoutSafetyCheck,
	})
}

type keyPageInput struct {
	keyInput
	page
}

type listKeyPoliciesOutput struct {
	PolicyNames []string `json:"PolicyNames"`
	next
}

func (a *api) listKeyPolicies(ctx context.Context, r *awsapi.Request, in *keyPageInput) (any, error) {
	out, err := a.kms.ListKeyPolicies(ctx, r.Caller(), kms.ListKeyPoliciesInput{KeyID: in.KeyID, Page: in.page.input()})
	if err != nil {
		return nil, err
	}
	return &listKeyPoliciesOutput{out.PolicyNames, nextOf(out.Next)}, nil
}
