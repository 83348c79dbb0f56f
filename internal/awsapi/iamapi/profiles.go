package iamapi

import (
	"context"
	"errors"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/iam"
)

func (a *api) profiles() map[string]awsapi.Operation {
	return map[string]awsapi.Operation{
		"CreateInstanceProfile":         op(a, createInstanceProfile),
		"GetInstanceProfile":            read(a, getInstanceProfile),
		"ListInstanceProfiles":          read(a, listInstanceProfiles),
		"ListInstanceProfilesForRole":   read(a, listInstanceProfilesForRole),
		"DeleteInstanceProfile":         op(a, deleteInstanceProfile),
		"AddRoleToInstanceProfile":      op(a, addRoleToInstanceProfile),
		"RemoveRoleFromInstanceProfile": op(a, removeRoleFromInstanceProfile),
	}
}

// profileName is the input that names an instance profile; others embed it.
type profileName struct {
	InstanceProfileName string `api:"InstanceProfileName,required" len:"1..128"`
}

func (n profileName) arn(ctx context.Context, c *call) (string, error) {
	p, err := c.directory.GetInstanceProfile(ctx, c.Principal.Account, n.InstanceProfileName)
	if errors.Is(err, iam.ErrNotFound) || errors.Is(err, iam.ErrInvalid) {
		p, err = iam.InstanceProfile{Account: c.Principal.Account, Path: "/", Name: n.InstanceProfileName}, nil
	}
	return p.ARN(), err
}

type instanceProfile struct {
	Path                string               `xml:"Path"`
	InstanceProfileName string               `xml:"InstanceProfileName"`
	InstanceProfileID   string               `xml:"InstanceProfileId"`
	ARN                 string               `xml:"Arn"`
	CreateDate          string               `xml:"CreateDate"`
	Roles               awsapi.Members[role] `xml:"Roles"`
	Tags                []tag                `xml:"Tags>member"`
}

type instanceProfileOutput struct {
	InstanceProfile instanceProfile `xml:"InstanceProfile"`
}

// describe encodes a profile with its role.
func (c *call) describe(ctx context.Context, p *iam.InstanceProfile) (instanceProfile, error) {
	out := instanceProfile{
		Path: p.Path, InstanceProfileName: p.Name, InstanceProfileID: p.ID, ARN: p.ARN(), CreateDate: stamp(p.Created), Tags: sortedTags(p.Tags),
	}
	if p.Role == "" {
		return out, nil
	}
	e, err := c.directory.Get(ctx, c.ref(iam.Role, p.Role))
	if err != nil {
		return out, err
	}
	out.Roles.Member = []role{roleOf(&e)}
	return out, nil
}

type createInstanceProfileInput struct {
	InstanceProfileName string `api:"InstanceProfileName,required" len:"1..128"`
	Path                string `api:"Path" len:"1..512"`
	tagList
}

func (in *createInstanceProfileInput) arn(_ context.Context, c *call) (string, error) {
	p := iam.InstanceProfile{Account: c.Principal.Account, Path: orRoot(in.Path), Name: in.InstanceProfileName}
	return p.ARN(), nil
}

func createInstanceProfile(ctx context.Context, c *call, in *createInstanceProfileInput) (any, error) {
	tags, err := in.tags()
	if err != nil {
		return nil, err
	}
	p, err := c.directory.CreateInstanceProfile(ctx, iam.InstanceProfile{
		Account: c.Principal.Account, Name: in.InstanceProfileName, Path: in.Path, Tags: tags,
	})
	if err != nil {
		return nil, err
	}
	out, err := c.describe(ctx, &p)
	return &instanceProfileOutput{out}, err
}

func getInstanceProfile(ctx context.Context, c *call, in *profileName) (any, error) {
	p, err := c.directory.GetInstanceProfile(ctx, c.Principal.Account, in.InstanceProfileName)
	if err != nil {
		return nil, err
	}
	out, err := c.describe(ctx, &p)
	return &instanceProfileOutput{out}, err
}

type listInstanceProfilesOutput struct {
	InstanceProfiles awsapi.Members[instanceProfile] `xml:"InstanceProfiles"`
	truncation
}

func listInstanceProfiles(ctx context.Context, c *call, in *listEntitiesInput) (any, error) {
	page, err := c.page(in.paging, in.PathPrefix)
	if err != nil {
		return nil, err
	}
	found, more, err := c.directory.ListInstanceProfiles(ctx, c.Principal.Account, page)
	if err != nil {
		return nil, err
	}
	var out listInstanceProfilesOutput
	for i := range found {
		one, err := c.describe(ctx, &found[i])
		if err != nil {
			return nil, err
		}
		out.InstanceProfiles.Member = append(out.InstanceProfiles.Member, one)
	}
	if more {
		out.truncation, err = c.more(true, found[len(found)-1].Name, in.PathPrefix)
	}
	return &out, err
}

type roleListInput struct {
	roleName
	paging
}

func listInstanceProfilesForRole(ctx context.Context, c *call, in *roleListInput) (any, error) {
	e, err := c.directory.Get(ctx, in.ref(c))
	if err != nil {
		return nil, err
	}
	var out listInstanceProfilesOutput
	for _, name := range e.Profiles {
		p, err := c.directory.GetInstanceProfile(ctx, c.Principal.Account, name)
		if err != nil {
			return nil, err
		}
		one, err := c.describe(ctx, &p)
		if err != nil {
			return nil, err
		}
		out.InstanceProfiles.Member = append(out.InstanceProfiles.Member, one)
	}
	return &out, nil
}

func deleteInstanceProfile(ctx context.Context, c *call, in *profileName) (any, error) {
	return nil, c.directory.DeleteInstanceProfile(ctx, c.Principal.Account, in.InstanceProfileName)
}

type profileRoleInput struct {
	profileName
	RoleName string `api:"RoleName,required" len:"1..64"`
}

func addRoleToInstanceProfile(ctx context.Context, c *call, in *profileRoleInput) (any, error) {
	return nil, c.directory.AddRoleToInstanceProfile(ctx, c.Principal.Account, in.InstanceProfileName, in.RoleName)
}

func removeRoleFromInstanceProfile(ctx context.Context, c *call, in *profileRoleInput) (any, error) {
	return nil, c.directory.RemoveRoleFromInstanceProfile(ctx, c.Principal.Account, in.InstanceProfileName, in.RoleName)
}
