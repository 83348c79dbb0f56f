// Package iamapi is the AWS IAM API over iam.Directory: each operation decodes its
// input, asks the caller's own policies, makes one call and encodes the answer.
//
// It has what clients use to set up users, roles, policies and access keys, and the
// lists that Terraform and consoles read on the way. Groups, login profiles, MFA devices
// and the like do not exist; an operation on them is an InvalidAction, but those that only list
// what a user has answer an empty list.
package iamapi

import (
	"context"
	"io"
	"maps"

	"coffer.example/aead"
	"coffer.example/internal/awsapi"
	"coffer.example/internal/iam"
)

// Options configure the service.
type Options struct {
	Directory  *iam.Directory
	Authorizer *awsapi.Authorizer
	Tokens     *aead.RecordKey // seals the markers of lists
	Rand       io.Reader       // nil: crypto/rand
}

// maxBody is above the largest policy document (131,072 characters) as a form encodes it.
const maxBody = 512 << 10

// api holds what the operations call.
type api struct {
	directory *iam.Directory
	auth      *awsapi.Authorizer
	pages     awsapi.Pages
}

// New returns the service.
func New(o Options) *awsapi.Service {
	a := &api{directory: o.Directory, auth: o.Authorizer, pages: awsapi.Pages{Key: o.Tokens, Rand: o.Rand}}
	operations := map[string]awsapi.Operation{}
	for _, group := range []map[string]awsapi.Operation{
		a.users(), a.accessKeys(), a.roles(), a.inline(), a.attached(), a.boundaries(), a.managed(), a.versions(), a.profiles(), a.tags(), a.account(), a.absent(),
	} {
		maps.Copy(operations, group)
	}
	return &awsapi.Service{
		Name: "iam", Protocol: awsapi.Query, Version: "2010-05-08", Namespace: "https://iam.amazonaws.com/doc/2010-05-08/",
		MaxBody: maxBody, Global: true, QuerySigned: true, InternalCode: "ServiceFailure",
		Operations: operations, Errors: wireError,
	}
}

// call is one request under way.
type call struct {
	*api
	*awsapi.Request
}

// ref names a user or role of the caller's account.
func (c *call) ref(kind iam.EntityKind, name string) iam.Ref {
	return iam.Ref{Kind: kind, Account: c.Principal.Account, Name: name}
}

// resource is an input that names what it needs permission for.
type resource interface {
	// arn returns the ARN, also of what does not exist.
	arn(ctx context.Context, c *call) (string, error)
}

// op builds an operation: permission first, then the call.
func op[In any](a *api, run func(ctx context.Context, c *call, in *In) (any, error)) awsapi.Operation {
	return awsapi.Op(func(ctx context.Context, r *awsapi.Request, in *In) (any, error) {
		c := &call{a, r}
		access := awsapi.Access{Action: "iam:" + r.Operation, Resource: "*", Keys: keysOf(in)}
		if on, ok := any(in).(resource); ok {
			var err error
			if access.Resource, err = on.arn(ctx, c); err != nil {
				return nil, err
			}
		}
		if err := a.auth.Check(r, access); err != nil {
			return nil, err
		}
		return run(ctx, c, in)
	})
}

// read is op for operations that change nothing.
func read[In any](a *api, run func(ctx context.Context, c *call, in *In) (any, error)) awsapi.Operation {
	return awsapi.ReadOnly(op(a, run))
}

// keysOf returns the condition keys that an input answers for.
func keysOf(in any) iam.ConditionKeys {
	keys := iam.KeyMap{}
	if tagged, ok := in.(interface{ requestTags() []tag }); ok {
		for _, t := range tagged.requestTags() {
			keys["aws:requesttag/"] = append(keys["aws:requesttag/"], t.Key+"="+t.Value)
			keys["aws:tagkeys"] = append(keys["aws:tagkeys"], t.Key)
		}
	}
	if bounded, ok := in.(interface{ permissionsBoundary() string }); ok && bounded.permissionsBoundary() != "" {
		keys["iam:permissionsboundary"] = []string{bounded.permissionsBoundary()}
	}
	if policy, ok := in.(interface{ attachedPolicy() string }); ok {
		keys["iam:policyarn"] = []string{policy.attachedPolicy()}
	}
	return keys
}
