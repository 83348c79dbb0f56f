package rdsapi

import (
	"context"
	"maps"
	"slices"
	"strings"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/iam"
	"coffer.example/internal/rds"
)

// targets reads from the parameters the ARNs that an operation needs permission for.
type targets func(c *call) []string

// on is the resource of a type that a parameter names, by its name or ARN.
func on(resource string, params ...string) targets {
	return func(c *call) []string {
		var out []string
		for _, param := range params {
			switch name := c.String(param); {
			case strings.HasPrefix(name, "arn:"):
				out = append(out, name)
			case name != "":
				out = append(out, "arn:aws:rds:"+c.caller.Region+":"+c.caller.Account+":"+resource+":"+strings.ToLower(name))
			}
		}
		return out
	}
}

func both(all ...targets) targets {
	return func(c *call) []string {
		var out []string
		for _, t := range all {
			out = append(out, t(c)...)
		}
		return out
	}
}

// authorize asks the caller's policies.
func (c *call) authorize(ctx context.Context, on targets) error {
	need := []string{"*"}
	if on != nil {
		if named := on(c); len(named) > 0 {
			need = named
		}
	}
	for _, resource := range need {
		access := awsapi.Access{Action: "rds:" + c.name, Resource: resource, Rule: iam.IdentityOnly, Keys: &conditionKeys{ctx, c, resource}}
		if err := c.api.authorizer.Check(c.request, access); err != nil {
			return err
		}
	}
	return nil
}

// conditionKeys answers for the condition keys of a request.
type conditionKeys struct {
	ctx      context.Context // of the request: lookups of tags end with it
	call     *call
	resource string
}

// Values implements iam.ConditionKeys.
func (k *conditionKeys) Values(lower, written string) ([]string, bool) {
	_, name, _ := strings.Cut(written, "/")
	switch {
	case strings.HasPrefix(lower, "aws:requesttag/"), strings.HasPrefix(lower, "rds:req-tag/"):
		return iam.PairValues(k.requestTags(), name)
	case lower == "aws:tagkeys":
		keys := append(slices.Sorted(maps.Keys(k.requestTags())), k.call.Strings("TagKeys.member")...)
		return keys, len(keys) > 0
	case strings.HasPrefix(lower, "aws:resourcetag/"), strings.HasPrefix(lower, "rds:cluster-tag/"),
		strings.HasPrefix(lower, "rds:db-tag/"), strings.HasPrefix(lower, "rds:snapshot-tag/"), strings.HasPrefix(lower, "rds:cluster-snapshot-tag/"):
		tags, err := k.call.api.rds.TagsOf(k.ctx, k.call.caller, k.resource)
		if err != nil {
			return nil, false // no tag is known: conditions on tags do not hold
		}
		return iam.PairValues(tags, name)
	case lower == "rds:storageencrypted":
		return []string{strings.ToLower(k.call.String("StorageEncrypted"))}, k.call.Has("StorageEncrypted")
	}
	param := map[string]string{"rds:databaseengine": "Engine", "rds:databaseclass": "DBInstanceClass", "rds:storagesize": "AllocatedStorage"}[lower]
	if param == "" {
		return nil, false
	}
	value, given := k.call.Value(param)
	return []string{value}, given
}

func (k *conditionKeys) requestTags() rds.Tags {
	out := rds.Tags{}
	for _, p := range append(k.call.List("Tags.Tag"), k.call.List("Tags.member")...) {
		out[p.String("Key")] = p.String("Value")
	}
	return out
}
