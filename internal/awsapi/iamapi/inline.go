package iamapi

import (
	"context"
	"maps"
	"net/http"
	"slices"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/iam"
)

func (a *api) inline() map[string]awsapi.Operation {
	return map[string]awsapi.Operation{
		"PutUserPolicy":    op(a, putInline[userName]),
		"PutRolePolicy":    op(a, putInline[roleName]),
		"GetUserPolicy":    read(a, getUserPolicy),
		"GetRolePolicy":    read(a, getRolePolicy),
		"ListUserPolicies": read(a, listInline[userName]),
		"ListRolePolicies": read(a, listInline[roleName]),
		"DeleteUserPolicy": op(a, deleteInline[userName]),
		"DeleteRolePolicy": op(a, deleteInline[roleName]),
	}
}

// inlineInput names an inline policy of a user or role.
type inlineInput[N named] struct {
	Of         N      `api:",inline"`
	PolicyName string `api:"PolicyName,required" len:"1..128"`
}

func (in *inlineInput[N]) arn(ctx context.Context, c *call) (string, error) { return in.Of.arn(ctx, c) }

type putInlineInput[N named] struct {
	inlineInput[N]
	PolicyDocument string `api:"PolicyDocument,required,sensitive" len:"1..131072"`
}

func putInline[N named](ctx context.Context, c *call, in *putInlineInput[N]) (any, error) {
	return nil, c.directory.PutInlinePolicy(ctx, in.Of.ref(c), in.PolicyName, in.PolicyDocument)
}

// document returns an inline policy as it was put.
func (in *inlineInput[N]) document(ctx context.Context, c *call) (string, error) {
	e, err := c.directory.Get(ctx, in.Of.ref(c))
	if err != nil {
		return "", err
	}
	text, ok := e.Inline[in.PolicyName]
	if !ok {
		return "", &awsapi.Error{
			Code: "NoSuchEntity", Status: http.StatusNotFound,
			Message: "The " + string(e.Kind) + " policy with name " + in.PolicyName + " cannot be found.",
		}
	}
	return text, nil
}

type getUserPolicyOutput struct {
	UserName       string `xml:"UserName"`
	PolicyName     string `xml:"PolicyName"`
	PolicyDocument string `xml:"PolicyDocument"`
}

func getUserPolicy(ctx context.Context, c *call, in *inlineInput[userName]) (any, error) {
	text, err := in.document(ctx, c)
	return &getUserPolicyOutput{in.Of.UserName, in.PolicyName, encodeDocument(text)}, err
}

type getRolePolicyOutput struct {
	RoleName       string `xml:"RoleName"`
	PolicyName     string `xml:"PolicyName"`
	PolicyDocument string `xml:"PolicyDocument"`
}

func getRolePolicy(ctx context.Context, c *call, in *inlineInput[roleName]) (any, error) {
	text, err := in.document(ctx, c)
	return &getRolePolicyOutput{in.Of.RoleName, in.PolicyName, encodeDocument(text)}, err
}

// entityListInput asks for a list that belongs to a user or role.
type entityListInput[N named] struct {
	Of N `api:",inline"`
	pathPrefix
	paging
}

func (in *entityListInput[N]) arn(ctx context.Context, c *call) (string, error) {
	return in.Of.arn(ctx, c)
}

type listInlineOutput struct {
	PolicyNames awsapi.Members[string] `xml:"PolicyNames"`
	truncation
}

func listInline[N named](ctx context.Context, c *call, in *entityListInput[N]) (any, error) {
	e, err := c.directory.Get(ctx, in.Of.ref(c))
	if err != nil {
		return nil, err
	}
	names, end, err := slicePage(c, in.paging, slices.Sorted(maps.Keys(e.Inline)), e.Name)
	return &listInlineOutput{awsapi.Members[string]{Member: names}, end}, err
}

func deleteInline[N named](ctx context.Context, c *call, in *inlineInput[N]) (any, error) {
	return nil, c.directory.DeleteInlinePolicy(ctx, in.Of.ref(c), in.PolicyName)
}

// slicePage cuts a page out of a list of sorted names that belongs to an entity.
func slicePage(c *call, in paging, names []string, of string) ([]string, truncation, error) {
	page, err := c.page(in, "", of)
	if err != nil {
		return nil, whole, err
	}
	from, found := slices.BinarySearch(names, page.After)
	if found {
		from++
	}
	names = names[from:]
	limit := page.Limit
	if limit == 0 {
		limit = iam.DefaultPage
	}
	if len(names) <= limit {
		return names, whole, nil
	}
	end, err := c.more(true, names[limit-1], "", of)
	return names[:limit], end, err
}
