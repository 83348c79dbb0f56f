package kms

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// checkTags refuses tags that may not be put beside the present ones.
func checkTags(present, tags []Tag) error {
	keys := map[string]bool{}
	for _, t := range tags {
		if keys[t.Key] {
			return refuse(ErrTag, "Duplicate tag keys")
		}
		if strings.HasPrefix(strings.ToLower(t.Key), "aws:") {
			return refuse(ErrTag, "Tags beginning with aws: are reserved")
		}
		keys[t.Key] = true
	}
	for _, t := range present {
		keys[t.Key] = true
	}
	if len(keys) > maxTags {
		return refuse(ErrTag, "Too many tags")
	}
	return nil
}

// TagResource adds tags to a key, or replaces their values.
func (k *KMS) TagResource(ctx context.Context, c Caller, in TagResourceInput) error {
	return run(ctx, k, c, "TagResource", func(cl *call) error {
		cl.params = keyParams{KeyID: in.KeyID, Tags: in.Tags}
		e, err := cl.tagged(ctx, in.KeyID, in.Tags)
		if err != nil {
			return err
		}
		return cl.change(ctx, e, func(rec *keyRecord, _ *txn) error {
			if err := checkTags(rec.Tags, in.Tags); err != nil {
				return err
			}
			merged := slices.DeleteFunc(slices.Clone(rec.Tags), func(t Tag) bool {
				return slices.ContainsFunc(in.Tags, func(n Tag) bool { return n.Key == t.Key })
			})
			rec.Tags = sortedTags(append(merged, in.Tags...))
			return nil
		}, Enabled, Disabled, PendingImport)
	})
}

// UntagResource removes tags from a key.
func (k *KMS) UntagResource(ctx context.Context, c Caller, in UntagResourceInput) error {
	return run(ctx, k, c, "UntagResource", func(cl *call) error {
		cl.params = keyParams{KeyID: in.KeyID, TagKeys: in.TagKeys}
		var v checks
		tags := make([]Tag, 0, len(in.TagKeys))
		for i, key := range in.TagKeys {
			v.required(fmt.Sprintf("tagKeys.%d.member", i+1), key, maxTagKey)
			tags = append(tags, Tag{Key: key})
		}
		if err := v.err(); err != nil {
			return err
		}
		e, err := cl.tagged(ctx, in.KeyID, tags)
		if err != nil {
			return err
		}
		return cl.change(ctx, e, func(rec *keyRecord, _ *txn) error {
			rec.Tags = slices.DeleteFunc(slices.Clone(rec.Tags), func(t Tag) bool { return slices.Contains(in.TagKeys, t.Key) })
			return nil
		}, Enabled, Disabled, PendingImport)
	})
}

// tagged finds and authorises a key whose tags a request names.
func (cl *call) tagged(ctx context.Context, keyID string, tags []Tag) (*keyEntry, error) {
	var v checks
	v.keyID(keyID)
	v.tags(tags)
	if err := v.err(); err != nil {
		return nil, err
	}
	e, _, err := cl.find(ctx, keyID, idsOnly)
	if err != nil {
		return nil, err
	}
	return e, cl.authorize(ctx, access{action: cl.op, key: e, tags: tags})
}

// ListResourceTags lists a key's tags, ordered by key.
func (k *KMS) ListResourceTags(ctx context.Context, c Caller, in ListResourceTagsInput) (*ListResourceTagsOutput, error) {
	return perform(ctx, k, c, "ListResourceTags", func(cl *call) (*ListResourceTagsOutput, error) {
		cl.params = keyParams{KeyID: in.KeyID, Limit: in.Limit}
		var v checks
		v.page(in.Page, maxPage)
		if err := v.err(); err != nil {
			return nil, err
		}
		e, err := cl.manage(ctx, in.KeyID, nil)
		if err != nil {
			return nil, err
		}
		out := &ListResourceTagsOutput{}
		out.Tags, out.Next, err = cl.listPage(in.Page, e.ID, e.Tags)
		return out, err
	})
}

// listPage cuts a page out of tags in order; the marker is the last tag's key.
func (cl *call) listPage(p Page, id string, tags []Tag) ([]Tag, Next, error) {
	aad := cl.markerAAD(id)
	if p.Marker != "" {
		last, err := cl.openMarker(p.Marker, aad)
		if err != nil {
			return nil, Next{}, err
		}
		tags = tags[slices.IndexFunc(append(slices.Clone(tags), Tag{Key: last + "\x00"}), func(t Tag) bool { return t.Key > last }):]
	}
	limit := p.limit(defaultGrantPage)
	if len(tags) <= limit {
		return tags, Next{}, nil
	}
	marker, err := cl.sealMarker(tags[limit-1].Key, aad)
	return tags[:limit], Next{Truncated: true, Marker: marker}, err
}
