package ec2api

import (
	"context"
	"io"
	"time"

	"coffer.example/aead"
	"coffer.example/internal/awsapi"
	"coffer.example/internal/awsapi/query"
	"coffer.example/internal/ec2"
	"coffer.example/kms"
)

// Options configure the service.
type Options struct {
	Service *ec2.Service
	Tokens  *aead.RecordKey  // seals pagination tokens
	Rand    io.Reader        // nil: crypto/rand
	Now     func() time.Time // nil: time.Now
}

// maxBody bounds a request: RunInstances with user data and tags is the largest.
const maxBody = 256 << 10

// api is what the operations share.
type api struct {
	ec2        *ec2.Service
	pages      awsapi.Pages
	authorizer *awsapi.Authorizer
	now        func() time.Time
}

// New returns the service.
func New(o Options) *awsapi.Service {
	a := &api{ec2: o.Service, pages: awsapi.Pages{Key: o.Tokens, Rand: o.Rand}, authorizer: awsapi.NewAuthorizer(), now: o.Now}
	if a.now == nil {
		a.now = time.Now
	}
	s := &awsapi.Service{
		Name: "ec2", Protocol: awsapi.EC2, Version: "2016-11-15", Namespace: "http://ec2.amazonaws.com/doc/2016-11-15/",
		QuerySigned: true, MaxBody: maxBody, InternalCode: "InternalError", Errors: wireError,
		Operations: map[string]awsapi.Operation{},
	}
	for _, table := range []map[string]operation{
		volumeOperations(), snapshotOperations(), instanceOperations(), imageOperations(), placeOperations(),
		tagOperations(), encryptionOperations(), tierOperations(),
	} {
		for name, op := range table {
			s.Operations[name] = a.operation(name, op)
		}
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

// operation makes an operation of the front end.
func (a *api) operation(name string, op operation) awsapi.Operation {
	return awsapi.Operation{ReadOnly: op.readOnly, Call: func(ctx context.Context, r *awsapi.Request, _ any) (any, error) {
		c := &call{Params: r.Params, api: a, request: r, name: name, caller: r.Caller()}
		c.Accept("Action", "Version")
		if !ec2.KnownRegion(c.caller.Region) {
			return nil, awsapi.Errorf("InvalidRegion", "The Region '%s' does not exist.", c.caller.Region)
		}
		if err := c.authorize(ctx, op.on); err != nil {
			return nil, err
		}
		if op.readOnly && c.Flag("DryRun") {
			return nil, errDryRun()
		}
		return op.run(ctx, c)
	}}
}

// settle is done, and the answer to a dry run, for operations with nothing else to check.
func (c *call) settle() error {
	dryRun := c.Flag("DryRun")
	if err := c.Done(); err != nil {
		return err
	}
	if dryRun {
		return errDryRun()
	}
	return nil
}

func errDryRun() error {
	return &ec2.Error{Reason: ec2.DryRunSucceeded, Message: "Request would have succeeded, but DryRun flag is set."}
}

// returned is the answer of operations that have no other.
type returned struct {
	Return bool `xml:"return"`
}

func ok(err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return returned{true}, nil
}
