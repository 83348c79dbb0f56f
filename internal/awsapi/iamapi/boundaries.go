package iamapi

import (
	"context"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/iam"
)

func (a *api) boundaries() map[string]awsapi.Operation {
	return map[string]awsapi.Operation{
		"PutUserPermissionsBoundary":    op(a, putBoundary[attachedUser]),
		"PutRolePermissionsBoundary":    op(a, putBoundary[roleName]),
		"DeleteUserPermissionsBoundary": op(a, deleteBoundary[attachedUser]),
		"DeleteRolePermissionsBoundary": op(a, deleteBoundary[roleName]),
	}
}

// boundary is a permissions boundary of a new user or role.
type boundary struct {
	PermissionsBoundary string `api:"PermissionsBoundary" len:"20..2048"`
}

func (in boundary) permissionsBoundary() string { return in.PermissionsBoundary }

type putBoundaryInput[N named] struct {
	Of                  N      `api:",inline"`
	PermissionsBoundary string `api:"PermissionsBoundary,required" len:"20..2048"`
}

func (in *putBoundaryInput[N]) arn(ctx context.Context, c *call) (string, error) {
	return in.Of.arn(ctx, c)
}

func (in *putBoundaryInput[N]) permissionsBoundary() string { return in.PermissionsBoundary }

func putBoundary[N named](ctx context.Context, c *call, in *putBoundaryInput[N]) (any, error) {
	return nil, c.directory.SetBoundary(ctx, in.Of.ref(c), in.PermissionsBoundary)
}

func deleteBoundary[N named](ctx context.Context, c *call, in *N) (any, error) {
	return nil, c.directory.SetBoundary(ctx, (*in).ref(c), "")
}

// attachedBoundary is a permissions boundary in an answer.
type attachedBoundary struct {
	Type string `xml:"PermissionsBoundaryType"`
	ARN  string `xml:"PermissionsBoundaryArn"`
}

func boundaryOf(e *iam.Entity) *attachedBoundary {
	if e.Boundary == "" {
		return nil
	}
	return &attachedBoundary{"Policy", e.Boundary}
}
