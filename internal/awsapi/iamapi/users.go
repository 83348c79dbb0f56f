package iamapi

import (
	"context"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/iam"
)

func (a *api) users() map[string]awsapi.Operation {
	return map[string]awsapi.Operation{
		"CreateUser":        op(a, createUser),
		"GetUser":           read(a, getUser),
		"ListUsers":         read(a, listUsers),
		"DeleteUser":        op(a, deleteEntity[userName]),
		"ListGroupsForUser": read(a, listGroupsForUser),
	}
}

type user struct {
	Path       string            `xml:"Path,omitempty"`
	UserName   string            `xml:"UserName,omitempty"` // the account root has none
	UserID     string            `xml:"UserId"`
	ARN        string            `xml:"Arn"`
	CreateDate string            `xml:"CreateDate"`
	Boundary   *attachedBoundary `xml:"PermissionsBoundary"`
	Tags       []tag             `xml:"Tags>member"`
}

type userOutput struct {
	User user `xml:"User"`
}

// userOf is a user in a list, where IAM leaves the tags out.
func userOf(e *iam.Entity) user {
	return user{Path: e.Path, UserName: e.Name, UserID: e.ID, ARN: e.ARN(), CreateDate: stamp(e.Created)}
}

func taggedUser(e *iam.Entity) user {
	u := userOf(e)
	u.Boundary, u.Tags = boundaryOf(e), sortedTags(e.Tags)
	return u
}

type createUserInput struct {
	Path     string `api:"Path" len:"1..512"`
	UserName string `api:"UserName,required" len:"1..64"`
	boundary
	tagList
}

func (in *createUserInput) arn(_ context.Context, c *call) (string, error) {
	e := iam.Entity{Ref: c.ref(iam.User, in.UserName), Path: orRoot(in.Path)}
	return e.ARN(), nil
}

func orRoot(path string) string {
	if path == "" {
		return "/"
	}
	return path
}

func createUser(ctx context.Context, c *call, in *createUserInput) (any, error) {
	tags, err := in.tags()
	if err != nil {
		return nil, err
	}
	e, err := c.directory.Create(ctx, iam.Entity{Ref: c.ref(iam.User, in.UserName), Path: in.Path, Tags: tags, Boundary: in.PermissionsBoundary})
	if err != nil {
		return nil, err
	}
	return &userOutput{taggedUser(&e)}, nil
}

type getUserInput struct {
	UserName string `api:"UserName" len:"1..128"`
}

// name is the user asked for: without one, the caller itself.
func (in *getUserInput) name(c *call) string {
	if in.UserName == "" && c.Principal.Type == string(iam.IAMUser) {
		return c.Principal.UserName
	}
	return in.UserName
}

func (in *getUserInput) arn(ctx context.Context, c *call) (string, error) {
	if name := in.name(c); name != "" {
		return c.entityARN(ctx, c.ref(iam.User, name))
	}
	return c.Principal.ARN, nil
}

func getUser(ctx context.Context, c *call, in *getUserInput) (any, error) {
	name := in.name(c)
	if name == "" {
		if c.Principal.Type != string(iam.Root) {
			return nil, awsapi.Errorf("ValidationError", "Must specify userName when calling with non-User credentials")
		}
		account, err := c.directory.GetAccount(ctx, c.Principal.Account)
		if err != nil {
			return nil, err
		}
		return &userOutput{user{UserID: c.Principal.UserID, ARN: c.Principal.ARN, CreateDate: stamp(account.Created)}}, nil
	}
	e, err := c.directory.Get(ctx, c.ref(iam.User, name))
	if err != nil {
		return nil, err
	}
	return &userOutput{taggedUser(&e)}, nil
}

type listEntitiesInput struct {
	pathPrefix
	paging
}

type listUsersOutput struct {
	Users awsapi.Members[user] `xml:"Users"`
	truncation
}

func listUsers(ctx context.Context, c *call, in *listEntitiesInput) (any, error) {
	entities, end, err := listEntities(ctx, c, iam.User, in)
	if err != nil {
		return nil, err
	}
	return &listUsersOutput{list(entities, userOf), end}, nil
}

func listEntities(ctx context.Context, c *call, kind iam.EntityKind, in *listEntitiesInput) ([]iam.Entity, truncation, error) {
	page, err := c.page(in.paging, in.PathPrefix)
	if err != nil {
		return nil, whole, err
	}
	entities, more, err := c.directory.List(ctx, kind, c.Principal.Account, page)
	if err != nil || len(entities) == 0 {
		return nil, whole, err
	}
	end, err := c.more(more, entities[len(entities)-1].Name, in.PathPrefix)
	return entities, end, err
}

func deleteEntity[N named](ctx context.Context, c *call, in *N) (any, error) {
	return nil, c.directory.Delete(ctx, (*in).ref(c))
}

type listGroupsForUserInput struct {
	userName
	paging
}

type listGroupsForUserOutput struct {
	Groups awsapi.Members[struct{}] `xml:"Groups"`
	truncation
}

// listGroupsForUser answers for a user that there are no groups, as there are none here.
func listGroupsForUser(ctx context.Context, c *call, in *listGroupsForUserInput) (any, error) {
	_, err := c.directory.Get(ctx, in.ref(c))
	return &listGroupsForUserOutput{}, err
}
