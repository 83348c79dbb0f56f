package ec2

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"coffer.example/kms"
)

// uriTag is the tag of an attached volume that says where its export is. It is
// computed, never stored, and cannot be set.
const uriTag = "coffer:nbd-uri"

// reservedTag says whether a tag key belongs to AWS or to this service.
func reservedTag(key string) bool {
	return strings.HasPrefix(strings.ToLower(key), "aws:") || strings.HasPrefix(key, "coffer:")
}

func checkTags(tags Tags) error {
	for key, value := range tags {
		switch {
		case key == "":
			return refuse(InvalidParameter, "Tag key must not be empty")
		case utf8.RuneCountInString(key) > maxTagKey:
			return refuse(InvalidParameter, "Tag key exceeds the maximum length of %d characters", maxTagKey)
		case utf8.RuneCountInString(value) > maxTagValue:
			return refuse(InvalidParameter, "Tag value exceeds the maximum length of %d characters", maxTagValue)
		case reservedTag(key):
			return refuse(InvalidParameter, "Tag keys starting with '%s:' are reserved for internal use", key[:strings.IndexByte(key, ':')])
		}
	}
	if len(tags) > maxTags {
		return refuse(TagLimit, "The maximum number of tags per resource is %d", maxTags)
	}
	return nil
}

// TagRemoval removes a tag: with a value, only if it has that value.
type TagRemoval struct {
	Key   string
	Value *string
}

// CreateTags adds or overwrites tags of up to maxTaggedResources resources of the caller.
func (s *Service) CreateTags(ctx context.Context, caller kms.Caller, ids []string, tags Tags, dryRun bool) error {
	if len(tags) == 0 {
		return refuse(MissingParameter, "The request must contain the parameter tagSet")
	}
	if err := checkTags(tags); err != nil {
		return err
	}
	return s.retag(ctx, caller, ids, dryRun, func(old Tags) (Tags, error) {
		merged := make(Tags, len(old)+len(tags))
		for _, set := range []Tags{old, tags} {
			for key, value := range set {
				merged[key] = value
			}
		}
		return merged, checkTags(merged)
	})
}

// DeleteTags removes tags; no removals at all removes every tag.
func (s *Service) DeleteTags(ctx context.Context, caller kms.Caller, ids []string, removals []TagRemoval, dryRun bool) error {
	return s.retag(ctx, caller, ids, dryRun, func(old Tags) (Tags, error) {
		if len(removals) == 0 {
			return nil, nil
		}
		left := make(Tags, len(old))
		for key, value := range old {
			left[key] = value
		}
		for _, r := range removals {
			if value, ok := left[r.Key]; ok && (r.Value == nil || *r.Value == value) {
				delete(left, r.Key)
			}
		}
		return left, nil
	})
}

// retag changes the tags of resources: all of them are looked at before any is changed.
func (s *Service) retag(ctx context.Context, caller kms.Caller, ids []string, dryRun bool, edit func(Tags) (Tags, error)) error {
	slices.Sort(ids)
	ids = slices.Compact(ids)
	switch {
	case len(ids) == 0:
		return refuse(MissingParameter, "The request must contain the parameter resourceIdSet")
	case len(ids) > maxTaggedResources:
		return refuse(InvalidParameter, "The maximum number of resources of one request is %d", maxTaggedResources)
	}
	release, err := s.locks.Acquire(ctx, ids...)
	if err != nil {
		return err
	}
	defer release()
	var changes []*change
	for i, id := range ids {
		if i%commitResources == 0 {
			changes = append(changes, newChange())
		}
		if err := s.retagOne(ctx, caller, id, edit, changes[len(changes)-1]); err != nil {
			return err
		}
	}
	if dryRun {
		return errDryRun()
	}
	for _, c := range changes {
		if err := c.Commit(settled(ctx), s.store); err != nil {
			return err
		}
	}
	return nil
}

// retagOne adds one resource's new record to a change. The record is edited as raw
// JSON members, so that its kind does not matter.
func (s *Service) retagOne(ctx context.Context, caller kms.Caller, id string, edit func(Tags) (Tags, error), c *change) error {
	k, ok := kindOf(id)
	if !ok {
		return refuse(InvalidID, "The ID '%s' is not valid", id)
	}
	record, err := owned[map[string]json.RawMessage](ctx, s, k, caller, id)
	if err != nil {
		return err
	}
	var old Tags
	if raw := record.Value["Tags"]; raw != nil {
		if err := json.Unmarshal(raw, &old); err != nil {
			return err
		}
	}
	tags, err := edit(old)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(tags)
	if err != nil {
		return err
	}
	record.Value["Tags"] = raw
	c.set(resourceKey(k, caller.Region, caller.Account, id), record.Revision, record.Value)
	return nil
}
