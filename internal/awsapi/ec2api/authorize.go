package ec2api

import (
	"context"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/iam"
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
	for _, t := range need {
		if err := c.authorizeOne(ctx, "ec2:"+c.name, t); err != nil {
			return err
		}
	}
	for _, spec := range c.List("TagSpecification") {
		if len(spec.List("Tag")) > 0 {
			if err := c.authorizeOne(ctx, "ec2:CreateTags", target{spec.String("ResourceType"), "*"}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *call) authorizeOne(ctx context.Context, action string, t target) error {
	resource := "*"
	if t.kind != "" {
		resource = t.arn(c)
	}
	decision, request, err := c.api.authorizer.Decide(c.request, awsapi.Access{
		Action: action, Resource: resource, Keys: &conditionKeys{ctx: ctx, call: c, target: t}, Rule: iam.IdentityOnly,
	})
	if err != nil || decision.Allowed {
		return err
	}
	return &awsapi.Error{
		Code: "UnauthorizedOperation", Status: 403,
		Message: "You are not authorized to perform this operation. " + decision.Message(request),
	}
}
