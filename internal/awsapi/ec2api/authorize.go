package ec2api

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/ec2"
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

// conditionKeys answers for the condition keys of a request.
type conditionKeys struct {
	ctx    context.Context // of the request: lookups of tags end with it
	call   *call
	target target
}

// Values implements iam.ConditionKeys.
func (k *conditionKeys) Values(lower, written string) ([]string, bool) {
	_, name, _ := strings.Cut(written, "/")
	switch {
	case strings.HasPrefix(lower, "aws:requesttag/"):
		return iam.PairValues(k.requestTags(), name)
	case lower == "aws:tagkeys":
		var keys []string
		for key := range k.requestTags() {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		return keys, len(keys) > 0
	case strings.HasPrefix(lower, "aws:resourcetag/"), strings.HasPrefix(lower, "ec2:resourcetag/"):
		return iam.PairValues(k.resourceTags(), name)
	case lower == "ec2:region":
		return []string{k.call.caller.Region}, true
	case lower == "ec2:createaction" && k.call.name != "CreateTags":
		return []string{k.call.name}, true
	case lower == "ec2:encrypted" && k.target.kind == "volume":
		return []string{fmt.Sprint(k.call.Flag("Encrypted"))}, true
	}
	param := map[string]string{"ec2:volumetype": "VolumeType", "ec2:volumesize": "Size", "ec2:instancetype": "InstanceType"}[lower]
	if param == "" {
		return nil, false
	}
	value, given := k.call.Value(param)
	return []string{value}, given
}

func (k *conditionKeys) requestTags() map[string]string {
	out := map[string]string{}
	for _, tag := range k.call.List("Tag") {
		out[tag.String("Key")] = tag.String("Value")
	}
	for _, spec := range k.call.List("TagSpecification") {
		if spec.String("ResourceType") != k.target.kind {
			continue
		}
		for _, tag := range spec.List("Tag") {
			out[tag.String("Key")] = tag.String("Value")
		}
	}
	return out
}

func (k *conditionKeys) resourceTags() map[string]string {
	if k.target.id == "" || k.target.id == "*" {
		return nil
	}
	filters := []ec2.Filter{{Name: "resource-id", Values: []string{k.target.id}}}
	page, err := k.call.api.ec2.DescribeTags(k.ctx, k.call.caller, ec2.Query{Filters: filters})
	if err != nil {
		return nil // no tag is known: conditions on tags do not hold
	}
	out := map[string]string{}
	for _, tag := range page.Items {
		out[tag.Key] = tag.Value
	}
	return out
}
