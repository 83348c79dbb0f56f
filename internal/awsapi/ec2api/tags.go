package ec2api

import (
	"context"
	"maps"
	"slices"
	"strings"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/ec2"
)

func tagOperations() map[string]operation {
	return map[string]operation{
		"CreateTags":   {run: createTags, on: tagged},
		"DeleteTags":   {run: deleteTags, on: tagged},
		"DescribeTags": {run: describeTags, readOnly: true},
	}
}

// tagged are the resources of CreateTags and DeleteTags.
func tagged(c *call) []target {
	kinds := map[string]string{"vol": "volume", "snap": "snapshot", "i": "instance", "ami": "image"}
	var out []target
	for _, id := range c.Strings("ResourceId") {
		prefix, _, _ := strings.Cut(id, "-")
		if kind := kinds[prefix]; kind != "" {
			out = append(out, target{kind, id})
		}
	}
	return out
}

// tag is a tag as the API shows it.
type tag struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

// tagSet is nil without tags, as AWS leaves the element out then.
func tagSet(tags ec2.Tags) *awsapi.Items[tag] {
	if len(tags) == 0 {
		return nil
	}
	out := &awsapi.Items[tag]{}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out.Item = append(out.Item, tag{key, tags[key]})
	}
	return out
}

func createTags(ctx context.Context, c *call) (any, error) {
	ids, tags, dryRun := c.Strings("ResourceId"), ec2.Tags{}, c.Flag("DryRun")
	readTags(c, c.Params, tags)
	if err := c.Done(); err != nil {
		return nil, err
	}
	return ok(c.api.ec2.CreateTags(ctx, c.caller, ids, tags, dryRun))
}

func deleteTags(ctx context.Context, c *call) (any, error) {
	ids, dryRun := c.Strings("ResourceId"), c.Flag("DryRun")
	var removals []ec2.TagRemoval
	for _, t := range c.List("Tag") {
		r := ec2.TagRemoval{Key: t.String("Key")}
		if value, given := t.Value("Value"); given {
			r.Value = &value
		}
		removals = append(removals, r)
	}
	if err := c.Done(); err != nil {
		return nil, err
	}
	return ok(c.api.ec2.DeleteTags(ctx, c.caller, ids, removals, dryRun))
}

func describeTags(ctx context.Context, c *call) (any, error) {
	q, err := c.page(nil)
	if err != nil {
		return nil, err
	}
	page, err := c.api.ec2.DescribeTags(ctx, c.caller, q)
	if err != nil {
		return nil, err
	}
	type description struct {
		ResourceID   string `xml:"resourceId"`
		ResourceType string `xml:"resourceType"`
		Key          string `xml:"key"`
		Value        string `xml:"value"`
	}
	var out struct {
		Tags      awsapi.Items[description] `xml:"tagSet"`
		NextToken *string                   `xml:"nextToken"`
	}
	for _, t := range page.Items {
		out.Tags.Item = append(out.Tags.Item, description{t.ResourceID, t.ResourceType, t.Key, t.Value})
	}
	out.NextToken, err = c.next(q, page.Next)
	return out, err
}
