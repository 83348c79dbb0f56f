package ec2api

import (
	"context"
	"fmt"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/iam"
	"coffer.example/kms"
)

// target is a resource that an operation needs permission for.
type target struct {
	kind string // of the ARN: volume, snapshot, instance, image, …
	id   string // * for one that is to be made
}

// targets reads from the parameters what an operation needs permission for.
type targets func(c *call) []target

// on is the resource that a parameter names.
func on(kind, param string) targets {
	return func(c *call) []target {
		if id := c.String(param); id != "" {
			return []target{{kind, id}}
		}
		return nil
	}
}

// onEach is every resource of a list.
func onEach(kind, param string) targets {
	return func(c *call) []target {
		var out []target
		for _, id := range c.Strings(param) {
			out = append(out, target{kind, id})
		}
		return out
	}
}

// makes is a resource that is to be made.
func makes(kinds ...string) targets {
	return func(*call) []target {
		var out []target
		for _, kind := range kinds {
			out = append(out, target{kind, "*"})
		}
		return out
	}
}

func both(all ...targets) targets {
	return func(c *call) []target {
		var out []target
		for _, t := range all {
			out = append(out, t(c)...)
		}
		return out
	}
}

func (t target) arn(c *call) string {
	account := c.caller.Account
	if t.kind == "snapshot" || t.kind == "image" { // these ARNs have no account
		account = ""
	}
	return "arn:aws:ec2:" + c.caller.Region + ":" + account + ":" + t.kind + "/" + t.id
}

// authorize asks the caller's policies.
func (c *call) authorize(ctx context.Context, on targets) error {
	need := []target{{}}
	if on != nil {
		if named := on(c); len(named) > 0 {
			need = named
		}
	}
	policies, err := c.api.policies(c.caller)
	if err != nil {
		return err
	}
	for _, t := range need {
		if err := c.authorizeOne(ctx, policies, "ec2:"+c.name, t); err != nil {
			return err
		}
	}
	for _, spec := range c.List("TagSpecification") {
		if len(spec.List("Tag")) > 0 {
			if err := c.authorizeOne(ctx, policies, "ec2:CreateTags", target{spec.String("ResourceType"), "*"}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *call) authorizeOne(ctx context.Context, policies *iam.Policies, action string, t target) error {
	caller := c.caller
	resource := "*"
	if t.kind != "" {
		resource = t.arn(c)
	}
	request := &iam.Request{
		Principal: iam.Principal{
			Type: iam.PrincipalType(caller.Type), Account: caller.Account, ARN: caller.ARN, RoleARN: caller.RoleARN,
			UserID: caller.UserID, UserName: caller.UserName, Tags: caller.Tags,
		},
		Action: action, Resource: resource, ResourceAccount: caller.Account,
		Time: c.now, Region: caller.Region, SourceIP: caller.SourceIP, UserAgent: caller.UserAgent, TLS: !caller.Insecure,
		Keys: &conditionKeys{ctx: ctx, call: c, target: t},
	}
	decision := iam.Evaluate(request, policies, nil)
	if decision.Allowed {
		return nil
	}
	return &awsapi.Error{
		Code: "UnauthorizedOperation", Status: 403,
		Message: "You are not authorized to perform this operation. " + decision.Message(request),
	}
}

// policies parses the caller's documents.
func (a *api) policies(caller kms.Caller) (*iam.Policies, error) {
	out := &iam.Policies{Rule: iam.IdentityOnly}
	for _, set := range []struct {
		from []kms.Policy
		to   *[]iam.Named
	}{{caller.Policies, &out.Identity}, {caller.SessionPolicies, &out.Session}} {
		for _, p := range set.from {
			parsed, err := a.cache.Parse(iam.IdentityPolicy, p.Document)
			if err != nil {
				return nil, fmt.Errorf("ec2api: policy %s: %w", p.Name, err)
			}
			*set.to = append(*set.to, iam.Named{Name: p.Name, Policy: parsed})
		}
	}
	return out, nil
}
