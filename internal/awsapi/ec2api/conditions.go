package ec2api

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"coffer.example/internal/ec2"
	"coffer.example/internal/iam"
)

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
