package iamapi

import (
	"context"
	"maps"
	"slices"

	"coffer.example/internal/awsapi"
)

func (a *api) tags() map[string]awsapi.Operation {
	return map[string]awsapi.Operation{
		"TagUser":        op(a, tagEntity[userName]),
		"TagRole":        op(a, tagEntity[roleName]),
		"TagPolicy":      op(a, tagPolicy),
		"UntagUser":      op(a, untagEntity[userName]),
		"UntagRole":      op(a, untagEntity[roleName]),
		"UntagPolicy":    op(a, untagPolicy),
		"ListUserTags":   read(a, listEntityTags[userName]),
		"ListRoleTags":   read(a, listEntityTags[roleName]),
		"ListPolicyTags": read(a, listPolicyTags),
	}
}

type tag struct {
	Key   string `api:"Key,required" len:"1..128" xml:"Key"`
	Value string `api:"Value,required" len:"0..256" xml:"Value"`
}

// tagList is the tags of an input.
type tagList struct {
	Tags []tag `api:"Tags" len:"0..50"`
}

// someTags is a tagList that must be given.
type someTags struct {
	Tags []tag `api:"Tags,required" len:"0..50"`
}

func (in *someTags) requestTags() []tag { return in.Tags }

func (in *someTags) tags() (map[string]string, error) { return (*tagList)(in).tags() }

func (in *tagList) requestTags() []tag { return in.Tags }

func (in *tagList) tags() (map[string]string, error) {
	out := make(map[string]string, len(in.Tags))
	for _, t := range in.Tags {
		if _, ok := out[t.Key]; ok {
			return nil, awsapi.Errorf("InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		out[t.Key] = t.Value
	}
	return out, nil
}

func sortedTags(tags map[string]string) []tag {
	var out []tag
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, tag{key, tags[key]})
	}
	return out
}

type tagEntityInput[N named] struct {
	Of N `api:",inline"`
	someTags
}

func (in *tagEntityInput[N]) arn(ctx context.Context, c *call) (string, error) {
	return in.Of.arn(ctx, c)
}

func tagEntity[N named](ctx context.Context, c *call, in *tagEntityInput[N]) (any, error) {
	tags, err := in.tags()
	if err != nil {
		return nil, err
	}
	return nil, c.directory.SetTags(ctx, in.Of.ref(c), tags)
}

type untagEntityInput[N named] struct {
	Of      N        `api:",inline"`
	TagKeys []string `api:"TagKeys,required" len:"0..50" elem_len:"1..128"`
}

func (in *untagEntityInput[N]) arn(ctx context.Context, c *call) (string, error) {
	return in.Of.arn(ctx, c)
}

func untagEntity[N named](ctx context.Context, c *call, in *untagEntityInput[N]) (any, error) {
	return nil, c.directory.RemoveTags(ctx, in.Of.ref(c), in.TagKeys)
}

type tagPolicyInput struct {
	policyARN
	someTags
}

func tagPolicy(ctx context.Context, c *call, in *tagPolicyInput) (any, error) {
	if err := c.ownPolicy(ctx, in.PolicyARN); err != nil {
		return nil, err
	}
	tags, err := in.tags()
	if err != nil {
		return nil, err
	}
	return nil, c.directory.SetPolicyTags(ctx, in.PolicyARN, tags)
}

type untagPolicyInput struct {
	policyARN
	TagKeys []string `api:"TagKeys,required" len:"0..50" elem_len:"1..128"`
}

func untagPolicy(ctx context.Context, c *call, in *untagPolicyInput) (any, error) {
	if err := c.ownPolicy(ctx, in.PolicyARN); err != nil {
		return nil, err
	}
	return nil, c.directory.RemovePolicyTags(ctx, in.PolicyARN, in.TagKeys)
}

type listTagsOutput struct {
	Tags awsapi.Members[tag] `xml:"Tags"`
	truncation
}

func listEntityTags[N named](ctx context.Context, c *call, in *entityListInput[N]) (any, error) {
	e, err := c.directory.Get(ctx, in.Of.ref(c))
	if err != nil {
		return nil, err
	}
	return c.listTags(in.paging, e.Tags, e.Name)
}

type listPolicyTagsInput struct {
	policyARN
	paging
}

func listPolicyTags(ctx context.Context, c *call, in *listPolicyTagsInput) (any, error) {
	p, err := c.policy(ctx, in.PolicyARN)
	if err != nil {
		return nil, err
	}
	return c.listTags(in.paging, p.Tags, in.PolicyARN)
}

func (c *call) listTags(in paging, tags map[string]string, of string) (any, error) {
	keys, end, err := slicePage(c, in, slices.Sorted(maps.Keys(tags)), of)
	if err != nil {
		return nil, err
	}
	return &listTagsOutput{list(keys, func(key *string) tag { return tag{*key, tags[*key]} }), end}, nil
}
