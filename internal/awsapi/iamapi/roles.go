package iamapi

import (
	"context"
	"time"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/iam"
)

func (a *api) roles() map[string]awsapi.Operation {
	return map[string]awsapi.Operation{
		"CreateRole":             op(a, createRole),
		"GetRole":                read(a, getRole),
		"ListRoles":              read(a, listRoles),
		"DeleteRole":             op(a, deleteEntity[roleName]),
		"UpdateRole":             op(a, updateRole),
		"UpdateRoleDescription":  op(a, updateRoleDescription),
		"UpdateAssumeRolePolicy": op(a, updateAssumeRolePolicy),
	}
}

type role struct {
	Path                     string            `xml:"Path"`
	RoleName                 string            `xml:"RoleName"`
	RoleID                   string            `xml:"RoleId"`
	ARN                      string            `xml:"Arn"`
	CreateDate               string            `xml:"CreateDate"`
	AssumeRolePolicyDocument string            `xml:"AssumeRolePolicyDocument"`
	Description              string            `xml:"Description,omitempty"`
	MaxSessionDuration       int               `xml:"MaxSessionDuration"`
	Boundary                 *attachedBoundary `xml:"PermissionsBoundary"`
	Tags                     []tag             `xml:"Tags>member"`
}

type roleOutput struct {
	Role role `xml:"Role"`
}

// roleOf is a role in a list, where IAM leaves the tags out.
func roleOf(e *iam.Entity) role {
	return role{
		Path: e.Path, RoleName: e.Name, RoleID: e.ID, ARN: e.ARN(), CreateDate: stamp(e.Created),
		AssumeRolePolicyDocument: encodeDocument(e.Trust), Description: e.Description,
		MaxSessionDuration: int(e.MaxSessionDuration.Seconds()),
	}
}

func taggedRole(e *iam.Entity) role {
	r := roleOf(e)
	r.Boundary, r.Tags = boundaryOf(e), sortedTags(e.Tags)
	return r
}

type createRoleInput struct {
	Path                     string `api:"Path" len:"1..512"`
	RoleName                 string `api:"RoleName,required" len:"1..64"`
	AssumeRolePolicyDocument string `api:"AssumeRolePolicyDocument,required,sensitive" len:"1..131072"`
	Description              string `api:"Description" len:"0..1000"`
	MaxSessionDuration       int    `api:"MaxSessionDuration" range:"3600..43200"`
	boundary
	tagList
}

func (in *createRoleInput) arn(_ context.Context, c *call) (string, error) {
	e := iam.Entity{Ref: c.ref(iam.Role, in.RoleName), Path: orRoot(in.Path)}
	return e.ARN(), nil
}

func createRole(ctx context.Context, c *call, in *createRoleInput) (any, error) {
	tags, err := in.tags()
	if err != nil {
		return nil, err
	}
	e, err := c.directory.Create(ctx, iam.Entity{
		Ref: c.ref(iam.Role, in.RoleName), Path: in.Path, Tags: tags, Boundary: in.PermissionsBoundary, Trust: in.AssumeRolePolicyDocument,
		Description: in.Description, MaxSessionDuration: time.Duration(in.MaxSessionDuration) * time.Second,
	})
	if err != nil {
		return nil, err
	}
	return &roleOutput{taggedRole(&e)}, nil
}

func getRole(ctx context.Context, c *call, in *roleName) (any, error) {
	e, err := c.directory.Get(ctx, in.ref(c))
	if err != nil {
		return nil, err
	}
	return &roleOutput{taggedRole(&e)}, nil
}

type listRolesOutput struct {
	Roles awsapi.Members[role] `xml:"Roles"`
	truncation
}

func listRoles(ctx context.Context, c *call, in *listEntitiesInput) (any, error) {
	entities, end, err := listEntities(ctx, c, iam.Role, in)
	if err != nil {
		return nil, err
	}
	return &listRolesOutput{list(entities, roleOf), end}, nil
}

type updateRoleInput struct {
	roleName
	Description        *string `api:"Description" len:"0..1000"`
	MaxSessionDuration *int    `api:"MaxSessionDuration" range:"3600..43200"`
}

// updateRoleOutput is UpdateRole's answer, whose result is present and empty.
type updateRoleOutput struct{}

func updateRole(ctx context.Context, c *call, in *updateRoleInput) (any, error) {
	var longest *time.Duration
	if in.MaxSessionDuration != nil {
		d := time.Duration(*in.MaxSessionDuration) * time.Second
		longest = &d
	}
	return &updateRoleOutput{}, c.directory.UpdateRole(ctx, in.ref(c), in.Description, longest)
}

type updateRoleDescriptionInput struct {
	roleName
	Description string `api:"Description,required" len:"0..1000"`
}

func updateRoleDescription(ctx context.Context, c *call, in *updateRoleDescriptionInput) (any, error) {
	if err := c.directory.UpdateRole(ctx, in.ref(c), &in.Description, nil); err != nil {
		return nil, err
	}
	return getRole(ctx, c, &in.roleName)
}

type updateAssumeRolePolicyInput struct {
	roleName
	PolicyDocument string `api:"PolicyDocument,required,sensitive" len:"1..131072"`
}

func updateAssumeRolePolicy(ctx context.Context, c *call, in *updateAssumeRolePolicyInput) (any, error) {
	return nil, c.directory.UpdateTrust(ctx, in.ref(c), in.PolicyDocument)
}
