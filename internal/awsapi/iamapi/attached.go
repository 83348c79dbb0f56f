package iamapi

import (
	"context"
	"slices"
	"strings"

	"coffer.example/internal/awsapi"
)

func (a *api) attached() map[string]awsapi.Operation {
	return map[string]awsapi.Operation{
		"AttachUserPolicy":         op(a, attach[attachedUser]),
		"AttachRolePolicy":         op(a, attach[roleName]),
		"DetachUserPolicy":         op(a, detach[attachedUser]),
		"DetachRolePolicy":         op(a, detach[roleName]),
		"ListAttachedUserPolicies": read(a, listAttached[attachedUser]),
		"ListAttachedRolePolicies": read(a, listAttached[roleName]),
	}
}

type attachInput[N named] struct {
	Of        N      `api:",inline"`
	PolicyARN string `api:"PolicyArn,required" len:"20..2048"`
}

func (in *attachInput[N]) arn(ctx context.Context, c *call) (string, error) { return in.Of.arn(ctx, c) }

func (in *attachInput[N]) attachedPolicy() string { return in.PolicyARN }

func attach[N named](ctx context.Context, c *call, in *attachInput[N]) (any, error) {
	return nil, c.directory.Attach(ctx, in.Of.ref(c), in.PolicyARN)
}

func detach[N named](ctx context.Context, c *call, in *attachInput[N]) (any, error) {
	return nil, c.directory.Detach(ctx, in.Of.ref(c), in.PolicyARN)
}

type attachedPolicy struct {
	PolicyName string `xml:"PolicyName"`
	PolicyARN  string `xml:"PolicyArn"`
}

type listAttachedOutput struct {
	AttachedPolicies awsapi.Members[attachedPolicy] `xml:"AttachedPolicies"`
	truncation
}

func listAttached[N named](ctx context.Context, c *call, in *entityListInput[N]) (any, error) {
	e, err := c.directory.Get(ctx, in.Of.ref(c))
	if err != nil {
		return nil, err
	}
	arns, end, err := slicePage(c, in.paging, slices.Sorted(slices.Values(e.Attached)), e.Name)
	if err != nil {
		return nil, err
	}
	return &listAttachedOutput{list(arns, func(arn *string) attachedPolicy {
		return attachedPolicy{(*arn)[strings.LastIndexByte(*arn, '/')+1:], *arn}
	}), end}, nil
}
