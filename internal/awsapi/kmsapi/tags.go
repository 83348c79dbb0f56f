package kmsapi

import (
	"context"

	"coffer.example/internal/awsapi"
	"coffer.example/kms"
)

func (a *api) tags() map[string]awsapi.Operation {
	return map[string]awsapi.Operation{
		"TagResource":      write(a.tagResource),
		"UntagResource":    write(a.untagResource),
		"ListResourceTags": read(a.listResourceTags),
	}
}

type tag struct {
	TagKey   string `api:"TagKey,required" len:"1..128" json:"TagKey"`
	TagValue string `api:"TagValue,required" len:"0..256" json:"TagValue"`
}

func kmsTags(tags []tag) []kms.Tag {
	out := make([]kms.Tag, len(tags))
	for i, t := range tags {
		out[i] = kms.Tag{Key: t.TagKey, Value: t.TagValue}
	}
	return out
}

type tagResourceInput struct {
	keyInput
	Tags []tag `api:"Tags,required"`
}

func (a *api) tagResource(ctx context.Context, r *awsapi.Request, in *tagResourceInput) (any, error) {
	return nil, a.kms.TagResource(ctx, r.Caller(), kms.TagResourceInput{KeyID: in.KeyID, Tags: kmsTags(in.Tags)})
}

type untagResourceInput struct {
	keyInput
	TagKeys []string `api:"TagKeys,required" elem_len:"1..128"`
}

func (a *api) untagResource(ctx context.Context, r *awsapi.Request, in *untagResourceInput) (any, error) {
	return nil, a.kms.UntagResource(ctx, r.Caller(), kms.UntagResourceInput{KeyID: in.KeyID, TagKeys: in.TagKeys})
}

type listResourceTagsOutput struct {
	Tags []tag `json:"Tags"`
	next
}

func (a *api) listResourceTags(ctx context.Context, r *awsapi.Request, in *keyPageInput) (any, error) {
	out, err := a.kms.ListResourceTags(ctx, r.Caller(), kms.ListResourceTagsInput{KeyID: in.KeyID, Page: in.page.input()})
	if err != nil {
		return nil, err
	}
	tags := make([]tag, len(out.Tags))
	for i, t := range out.Tags {
		tags[i] = tag{t.Key, t.Value}
	}
	return &listResourceTagsOutput{tags, nextOf(out.Next)}, nil
}
