package rdsapi

import (
	"context"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/rds"
)

func tagOperations() map[string]operation {
	resource := func(c *call) []string { return []string{c.String("ResourceName")} }
	return map[string]operation{
		"ListTagsForResource":    {run: listTags, on: resource, readOnly: true},
		"AddTagsToResource":      {run: addTags, on: resource},
		"RemoveTagsFromResource": {run: removeTags, on: resource},
	}
}

func listTags(ctx context.Context, c *call) (any, error) {
	name := c.Required("ResourceName")
	if len(c.List("Filters.Filter")) > 0 {
		return nil, awsapi.Errorf("InvalidParameterValue", "This operation has no filters.")
	}
	if err := c.Done(); err != nil {
		return nil, err
	}
	out := elements{}
	if isDefaultResource(c, name) {
		out.tags(nil)
		return out, nil
	}
	tags, err := c.api.rds.TagsOf(ctx, c.caller, name)
	out.tags(tags)
	return out, err
}

func addTags(ctx context.Context, c *call) (any, error) {
	name, tags := c.Required("ResourceName"), c.tags()
	if err := c.Done(); err != nil {
		return nil, err
	}
	return nil, c.api.rds.Retag(ctx, c.caller, name, tags, nil)
}

func removeTags(ctx context.Context, c *call) (any, error) {
	name, keys := c.Required("ResourceName"), c.Strings("TagKeys.member")
	if err := c.Done(); err != nil {
		return nil, err
	}
	return nil, c.api.rds.Retag(ctx, c.caller, name, rds.Tags{}, keys)
}
