package ecrapi

import (
	"context"
	"maps"
	"slices"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/ecr"
)

func (a *api) settings() map[string]awsapi.Operation {
	return map[string]awsapi.Operation{
		"PutImageTagMutability":         write(a.putImageTagMutability),
		"PutImageScanningConfiguration": write(a.putImageScanningConfiguration),
		"GetRepositoryPolicy":           read(a.getRepositoryPolicy),
		"SetRepositoryPolicy":           write(a.setRepositoryPolicy),
		"DeleteRepositoryPolicy":        write(a.deleteRepositoryPolicy),
		"GetLifecyclePolicy":            read(a.getLifecyclePolicy),
		"ListTagsForResource":           read(a.listTagsForResource),
		"TagResource":                   write(a.tagResource),
		"UntagResource":                 write(a.untagResource),
	}
}

type putImageTagMutabilityInput struct {
	repositoryInput
	Mutability string      `api:"imageTagMutability,required" enum:"MUTABLE|IMMUTABLE|IMMUTABLE_WITH_EXCLUSION|MUTABLE_WITH_EXCLUSION"`
	Exclusions []exclusion `api:"imageTagMutabilityExclusionFilters" len:"1..5"`
}

func (a *api) putImageTagMutability(ctx context.Context, r *awsapi.Request, in *putImageTagMutabilityInput) (any, error) {
	set, err := a.ecr.SetMutability(ctx, r.Caller(), in.name(), mutabilityOf(in.Mutability, in.Exclusions))
	if err != nil {
		return nil, err
	}
	return struct {
		repositoryRef
		Mutability string      `json:"imageTagMutability"`
		Exclusions []exclusion `json:"imageTagMutabilityExclusionFilters,omitempty"`
	}{refOf(set), set.Mutability.Mode, exclusionsOf(set.Mutability)}, nil
}

type putImageScanningConfigurationInput struct {
	repositoryInput
	Scanning *scanning `api:"imageScanningConfiguration,required"`
}

func (a *api) putImageScanningConfiguration(ctx context.Context, r *awsapi.Request, in *putImageScanningConfigurationInput) (any, error) {
	set, err := a.ecr.SetScanOnPush(ctx, r.Caller(), in.name(), in.Scanning.ScanOnPush)
	if err != nil {
		return nil, err
	}
	return struct {
		repositoryRef
		Scanning scanning `json:"imageScanningConfiguration"`
	}{refOf(set), scanning{set.ScanOnPush}}, nil
}

type policyAnswer struct {
	repositoryRef
	PolicyText string `json:"policyText"`
}

func policyOf(r *ecr.Repository, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return policyAnswer{refOf(r), r.Policy}, nil
}

func (a *api) getRepositoryPolicy(ctx context.Context, r *awsapi.Request, in *repositoryInput) (any, error) {
	return policyOf(a.ecr.Policy(ctx, r.Caller(), in.name()))
}

type setRepositoryPolicyInput struct {
	repositoryInput
	PolicyText string `api:"policyText,required" len:"0..10240"`
	Force      bool   `api:"force"`
}

func (a *api) setRepositoryPolicy(ctx context.Context, r *awsapi.Request, in *setRepositoryPolicyInput) (any, error) {
	return policyOf(a.ecr.SetPolicy(ctx, r.Caller(), in.name(), in.PolicyText, in.Force))
}

func (a *api) deleteRepositoryPolicy(ctx context.Context, r *awsapi.Request, in *repositoryInput) (any, error) {
	return policyOf(a.ecr.DeletePolicy(ctx, r.Caller(), in.name()))
}

func (a *api) getLifecyclePolicy(ctx context.Context, r *awsapi.Request, in *repositoryInput) (any, error) {
	return nil, a.ecr.LifecyclePolicy(ctx, r.Caller(), in.name())
}

type resourceInput struct {
	ResourceARN string `api:"resourceArn,required"`
}

func (a *api) listTagsForResource(ctx context.Context, r *awsapi.Request, in *resourceInput) (any, error) {
	tags, err := a.ecr.ResourceTags(ctx, r.Caller(), in.ResourceARN)
	if err != nil {
		return nil, err
	}
	out := struct {
		Tags []tag `json:"tags"`
	}{[]tag{}}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out.Tags = append(out.Tags, tag{key, tags[key]})
	}
	return out, nil
}

type tagResourceInput struct {
	resourceInput
	Tags []tag `api:"tags,required"`
}

func (a *api) tagResource(ctx context.Context, r *awsapi.Request, in *tagResourceInput) (any, error) {
	tags, err := tagsOf(in.Tags)
	if err == nil {
		err = a.ecr.TagResource(ctx, r.Caller(), in.ResourceARN, tags)
	}
	return struct{}{}, err
}

type untagResourceInput struct {
	resourceInput
	TagKeys []string `api:"tagKeys,required"`
}

func (a *api) untagResource(ctx context.Context, r *awsapi.Request, in *untagResourceInput) (any, error) {
	return struct{}{}, a.ecr.UntagResource(ctx, r.Caller(), in.ResourceARN, in.TagKeys)
}
