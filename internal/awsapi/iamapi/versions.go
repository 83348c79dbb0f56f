package iamapi

import (
	"context"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/iam"
)

func (a *api) versions() map[string]awsapi.Operation {
	return map[string]awsapi.Operation{
		"CreatePolicyVersion":     op(a, createPolicyVersion),
		"GetPolicyVersion":        read(a, getPolicyVersion),
		"ListPolicyVersions":      read(a, listPolicyVersions),
		"SetDefaultPolicyVersion": op(a, setDefaultPolicyVersion),
		"DeletePolicyVersion":     op(a, deletePolicyVersion),
	}
}

type policyVersion struct {
	Document         string `xml:"Document,omitempty"` // in GetPolicyVersion alone
	VersionID        string `xml:"VersionId"`
	IsDefaultVersion bool   `xml:"IsDefaultVersion"`
	CreateDate       string `xml:"CreateDate"`
}

type policyVersionOutput struct {
	PolicyVersion policyVersion `xml:"PolicyVersion"`
}

type createPolicyVersionInput struct {
	policyARN
	PolicyDocument string `api:"PolicyDocument,required,sensitive" len:"1..131072"`
	SetAsDefault   bool   `api:"SetAsDefault"`
}

func createPolicyVersion(ctx context.Context, c *call, in *createPolicyVersionInput) (any, error) {
	if err := c.ownPolicy(ctx, in.PolicyARN); err != nil {
		return nil, err
	}
	v, err := c.directory.CreatePolicyVersion(ctx, in.PolicyARN, in.PolicyDocument, in.SetAsDefault)
	if err != nil {
		return nil, err
	}
	return &policyVersionOutput{policyVersion{"", versionID(v.Number), in.SetAsDefault, stamp(v.Created)}}, nil
}

type policyVersionInput struct {
	policyARN
	VersionID string `api:"VersionId,required" len:"1..32"`
}

func getPolicyVersion(ctx context.Context, c *call, in *policyVersionInput) (any, error) {
	p, err := c.policy(ctx, in.PolicyARN)
	if err != nil {
		return nil, err
	}
	v, err := p.Version(in.VersionID)
	if err != nil {
		return nil, err
	}
	return &policyVersionOutput{policyVersion{encodeDocument(v.Document), versionID(v.Number), v.Number == p.Default, stamp(v.Created)}}, nil
}

type listPolicyVersionsInput struct {
	policyARN
	paging
}

type listPolicyVersionsOutput struct {
	Versions awsapi.Members[policyVersion] `xml:"Versions"`
	truncation
}

func listPolicyVersions(ctx context.Context, c *call, in *listPolicyVersionsInput) (any, error) {
	p, err := c.policy(ctx, in.PolicyARN)
	if err != nil {
		return nil, err
	}
	return &listPolicyVersionsOutput{list(p.Versions, func(v *iam.PolicyVersion) policyVersion {
		return policyVersion{"", versionID(v.Number), v.Number == p.Default, stamp(v.Created)}
	}), whole}, nil
}

func setDefaultPolicyVersion(ctx context.Context, c *call, in *policyVersionInput) (any, error) {
	if err := c.ownPolicy(ctx, in.PolicyARN); err != nil {
		return nil, err
	}
	return nil, c.directory.SetDefaultPolicyVersion(ctx, in.PolicyARN, in.VersionID)
}

func deletePolicyVersion(ctx context.Context, c *call, in *policyVersionInput) (any, error) {
	if err := c.ownPolicy(ctx, in.PolicyARN); err != nil {
		return nil, err
	}
	return nil, c.directory.DeletePolicyVersion(ctx, in.PolicyARN, in.VersionID)
}
