package rdsapi

import (
	"context"
	"io"
	"maps"

	"coffer.example/aead"
	"coffer.example/internal/awsapi"
	"coffer.example/internal/awsapi/query"
	"coffer.example/internal/ec2"
	"coffer.example/internal/rds"
	"coffer.example/kms"
)

// Options configure the service.
type Options struct {
	Service *rds.Service
	Tokens  *aead.RecordKey // seals the markers of lists
	Rand    io.Reader       // nil: crypto/rand
}

// maxBody bounds a request: lists of tags are the largest part.
const maxBody = 256 << 10

// api is what the operations share.
type api struct {
	rds        *rds.Service
	pages      awsapi.Pages
	authorizer *awsapi.Authorizer
}

// New returns the service.
func New(o Options) *awsapi.Service {
	a := &api{rds: o.Service, pages: awsapi.Pages{Key: o.Tokens, Rand: o.Rand}, authorizer: awsapi.NewAuthorizer()}
	s := &awsapi.Service{
		Name: "rds", Protocol: awsapi.Query, Version: "2014-10-31", Namespace: "http://rds.amazonaws.com/doc/2014-10-31/",
		MaxBody: maxBody, QuerySigned: true, InternalCode: "InternalFailure", Errors: wireError, Operations: map[string]awsapi.Operation{},
	}
	table := map[string]operation{}
	for _, part := range []map[string]operation{
		databaseOperations(), snapshotOperations(), restoreOperations(), backupOperations(), sharingOperations(), tagOperations(), listOperations(), groupOperations(),
	} {
		maps.Copy(table, part)
	}
	for name, op := range table {
		s.Operations[name] = a.operation(name, op)
	}
	return s
}

// operation is one row of a table of operations.
type operation struct {
	run func(ctx context.Context, c *call) (any, error)
	// on names the resources that the caller's policies must allow; nil: "*".
	on       targets
	readOnly bool
}

// call is one request under way.
type call struct {
	*query.Params
	api     *api
	request *awsapi.Request
	name    string
	caller  kms.Caller
}

func (a *api) operation(name string, op operation) awsapi.Operation {
	return awsapi.Operation{ReadOnly: op.readOnly, Call: func(ctx context.Context, r *awsapi.Request, _ any) (any, error) {
		c := &call{Params: r.Params, api: a, request: r, name: name, caller: r.Caller()}
		c.Accept("Action", "Version")
		if !ec2.KnownRegion(c.caller.Region) {
			return nil, awsapi.Errorf("InvalidParameterValue", "The Region '%s' does not exist.", c.caller.Region)
		}
		if err := c.authorize(ctx, op.on); err != nil {
			return nil, err
		}
		return op.run(ctx, c)
	}}
}

// count reads a number that is not negative.
func (c *call) count(name string) int {
	n := c.Int(name, 0)
	if n < 0 || n > 1<<30 {
		c.Invalid(name, "The value is out of range.")
		return 0
	}
	return int(n)
}

// list reads a list whose elements lie under a word of their own, or under "member".
func (c *call) list(name, element string) []string {
	return append(c.Strings(name+"."+element), c.Strings(name+".member")...)
}

// tags reads the tags of a request.
func (c *call) tags() rds.Tags {
	out := rds.Tags{}
	for _, p := range append(c.List("Tags.Tag"), c.List("Tags.member")...) {
		key := p.String("Key")
		if _, again := out[key]; again {
			c.Fail(awsapi.Errorf("InvalidParameterValue", "The tag key %s is given twice.", key))
		}
		out[key] = p.String("Value")
	}
	return out
}
