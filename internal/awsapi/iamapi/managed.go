package iamapi

import (
	"context"
	"strconv"
	"strings"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/iam"
)

func (a *api) managed() map[string]awsapi.Operation {
	return map[string]awsapi.Operation{
		"CreatePolicy": op(a, createPolicy),
		"GetPolicy":    read(a, getPolicy),
		"ListPolicies": read(a, listPolicies),
		"DeletePolicy": op(a, deletePolicy),
	}
}

type policy struct {
	PolicyName                    string `xml:"PolicyName"`
	PolicyID                      string `xml:"PolicyId"`
	ARN                           string `xml:"Arn"`
	Path                          string `xml:"Path"`
	DefaultVersionID              string `xml:"DefaultVersionId"`
	AttachmentCount               int    `xml:"AttachmentCount"`
	PermissionsBoundaryUsageCount int    `xml:"PermissionsBoundaryUsageCount"`
	IsAttachable                  bool   `xml:"IsAttachable"`
	Description                   string `xml:"Description,omitempty"`
	CreateDate                    string `xml:"CreateDate"`
	UpdateDate                    string `xml:"UpdateDate"`
	Tags                          []tag  `xml:"Tags>member"`
}

type policyOutput struct {
	Policy policy `xml:"Policy"`
}

// policyOf is a policy in a list, where IAM leaves description and tags out.
func policyOf(p *iam.ManagedPolicy) policy {
	return policy{
		PolicyName: p.Name, PolicyID: p.ID, ARN: p.ARN(), Path: p.Path, DefaultVersionID: versionID(p.Default),
		AttachmentCount: p.Attachments, PermissionsBoundaryUsageCount: p.Boundaries, IsAttachable: true, CreateDate: stamp(p.Created), UpdateDate: stamp(p.Updated),
	}
}

func wholePolicy(p *iam.ManagedPolicy) policy {
	out := policyOf(p)
	out.Description, out.Tags = p.Description, sortedTags(p.Tags)
	return out
}

func versionID(number int) string { return "v" + strconv.Itoa(number) }

type createPolicyInput struct {
	PolicyName     string `api:"PolicyName,required" len:"1..128"`
	Path           string `api:"Path" len:"1..512"`
	PolicyDocument string `api:"PolicyDocument,required,sensitive" len:"1..131072"`
	Description    string `api:"Description" len:"0..1000"`
	tagList
}

func (in *createPolicyInput) arn(_ context.Context, c *call) (string, error) {
	return iam.PolicyARN(c.Principal.Account, orRoot(in.Path), in.PolicyName), nil
}

func createPolicy(ctx context.Context, c *call, in *createPolicyInput) (any, error) {
	tags, err := in.tags()
	if err != nil {
		return nil, err
	}
	p, err := c.directory.CreatePolicy(ctx, iam.ManagedPolicy{
		Account: c.Principal.Account, Name: in.PolicyName, Path: in.Path, Description: in.Description, Tags: tags,
	}, in.PolicyDocument)
	if err != nil {
		return nil, err
	}
	return &policyOutput{wholePolicy(&p)}, nil
}

// policy returns a policy that the caller's account can see: its own, or one of AWS.
func (c *call) policy(ctx context.Context, arn string) (iam.ManagedPolicy, error) {
	p, err := c.directory.GetPolicy(ctx, arn)
	if err == nil && p.Account != c.Principal.Account && p.Account != awsAccount {
		return p, &awsapi.Error{Code: "AccessDenied", Status: 403, Message: "Policy " + arn + " is outside your own account."}
	}
	return p, err
}

// ownPolicy refuses a policy that the caller's account cannot change.
func (c *call) ownPolicy(ctx context.Context, arn string) error {
	p, err := c.policy(ctx, arn)
	if err == nil && p.Account != c.Principal.Account {
		return &awsapi.Error{Code: "AccessDenied", Status: 403, Message: "Policy is outside your own account."}
	}
	return err
}

const awsAccount = "aws" // of AWS's own managed policies

func getPolicy(ctx context.Context, c *call, in *policyARN) (any, error) {
	p, err := c.policy(ctx, in.PolicyARN)
	if err != nil {
		return nil, err
	}
	return &policyOutput{wholePolicy(&p)}, nil
}

func deletePolicy(ctx context.Context, c *call, in *policyARN) (any, error) {
	if err := c.ownPolicy(ctx, in.PolicyARN); err != nil {
		return nil, err
	}
	return nil, c.directory.DeletePolicy(ctx, in.PolicyARN)
}

type listPoliciesInput struct {
	Scope             string `api:"Scope" enum:"All|AWS|Local"`
	OnlyAttached      bool   `api:"OnlyAttached"`
	PathPrefix        string `api:"PathPrefix" len:"1..512"`
	PolicyUsageFilter string `api:"PolicyUsageFilter" enum:"PermissionsPolicy|PermissionsBoundary"`
	paging
}

type listPoliciesOutput struct {
	Policies awsapi.Members[policy] `xml:"Policies"`
	truncation
}

// listPolicies lists AWS's policies on the first page, then the account's. With
// OnlyAttached a page may be shorter than asked for, and even empty.
func listPolicies(ctx context.Context, c *call, in *listPoliciesInput) (any, error) {
	page, err := c.page(in.paging, in.PathPrefix, in.Scope)
	if err != nil {
		return nil, err
	}
	var found []iam.ManagedPolicy
	if in.Scope != "Local" && page.After == "" {
		for _, p := range iam.AWSPolicies() {
			if strings.HasPrefix(p.Path, in.PathPrefix) {
				found = append(found, p)
			}
		}
	}
	end := whole
	if in.Scope != "AWS" {
		own, more, err := c.directory.ListPolicies(ctx, c.Principal.Account, page)
		if err != nil {
			return nil, err
		}
		if more {
			if end, err = c.more(true, own[len(own)-1].Name, in.PathPrefix, in.Scope); err != nil {
				return nil, err
			}
		}
		found = append(found, own...)
	}
	var out listPoliciesOutput
	for i := range found {
		uses := found[i].Attachments
		if in.PolicyUsageFilter == "PermissionsBoundary" {
			uses = found[i].Boundaries
		}
		if uses > 0 || !in.OnlyAttached && in.PolicyUsageFilter != "PermissionsBoundary" {
			out.Policies.Member = append(out.Policies.Member, policyOf(&found[i]))
		}
	}
	out.truncation = end
	return &out, nil
}
