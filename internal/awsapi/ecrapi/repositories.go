package ecrapi

import (
	"context"
	"time"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/ecr"
)

func (a *api) repositories() map[string]awsapi.Operation {
	return map[string]awsapi.Operation{
		"CreateRepository":     write(a.createRepository),
		"DescribeRepositories": read(a.describeRepositories),
		"DeleteRepository":     write(a.deleteRepository),
	}
}

type encryption struct {
	EncryptionType string `api:"encryptionType,required" enum:"AES256|KMS|KMS_DSSE" json:"encryptionType"`
	KMSKey         string `api:"kmsKey" len:"1..2048" json:"kmsKey,omitempty"`
}

type repository struct {
	ARN        string         `json:"repositoryArn"`
	RegistryID string         `json:"registryId"`
	Name       string         `json:"repositoryName"`
	URI        string         `json:"repositoryUri"`
	CreatedAt  awsapi.Seconds `json:"createdAt"`
	Mutability string         `json:"imageTagMutability"`
	Exclusions []exclusion    `json:"imageTagMutabilityExclusionFilters,omitempty"`
	Scanning   scanning       `json:"imageScanningConfiguration"`
	Encryption encryption     `json:"encryptionConfiguration"`
}

func repositoryOf(r *awsapi.Request, from *ecr.Repository) repository {
	return repository{
		ARN: from.ARN(), RegistryID: from.Account, Name: from.Name, URI: r.HTTP.Host + "/" + from.Name,
		CreatedAt: awsapi.Seconds(from.Created.Truncate(time.Millisecond)), Mutability: from.Mutability.Mode, Exclusions: exclusionsOf(from.Mutability),
		Scanning: scanning{from.ScanOnPush}, Encryption: encryption{from.Encryption.Type, from.Encryption.Key},
	}
}

type oneRepository struct {
	Repository repository `json:"repository"`
}

type createRepositoryInput struct {
	repositoryInput
	Tags []tag `api:"tags"`
	mutabilityInput
	Scanning   *scanning   `api:"imageScanningConfiguration"`
	Encryption *encryption `api:"encryptionConfiguration"`
}

func (a *api) createRepository(ctx context.Context, r *awsapi.Request, in *createRepositoryInput) (any, error) {
	tags, err := tagsOf(in.Tags)
	if err != nil {
		return nil, err
	}
	input := ecr.CreateRepositoryInput{Name: in.name(), Tags: tags, Mutability: mutabilityOf(in.Mutability, in.Exclusions)}
	if in.Scanning != nil {
		input.ScanOnPush = in.Scanning.ScanOnPush
	}
	if in.Encryption != nil {
		input.Encryption = ecr.Encryption{Type: in.Encryption.EncryptionType, Key: in.Encryption.KMSKey}
	}
	made, err := a.ecr.CreateRepository(ctx, r.Caller(), input)
	if err != nil {
		return nil, err
	}
	return oneRepository{repositoryOf(r, made)}, nil
}

type describeRepositoriesInput struct {
	RegistryID string   `api:"registryId" pattern:"[0-9]{12}"`
	Names      []string `api:"repositoryNames" len:"1..100" elem_len:"2..256" elem_pattern:"[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*(\\/[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*)*"`
	pageInput
}

func (a *api) describeRepositories(ctx context.Context, r *awsapi.Request, in *describeRepositoriesInput) (any, error) {
	var out struct {
		Repositories []repository `json:"repositories"`
		NextToken    string       `json:"nextToken,omitempty"`
	}
	out.Repositories = []repository{}
	if in.Names != nil {
		if in.NextToken != "" || in.MaxResults != nil {
			return nil, invalid("repositoryNames", "must not be given together with nextToken or maxResults")
		}
		found, err := a.ecr.Describe(ctx, r.Caller(), in.RegistryID, in.Names)
		for i := range found {
			out.Repositories = append(out.Repositories, repositoryOf(r, &found[i]))
		}
		return out, err
	}
	after, err := a.after(r, &in.pageInput, in.RegistryID)
	if err != nil {
		return nil, err
	}
	found, more, err := a.ecr.Repositories(ctx, r.Caller(), in.RegistryID, after, in.limit())
	if err != nil {
		return nil, err
	}
	for i := range found {
		out.Repositories = append(out.Repositories, repositoryOf(r, &found[i]))
		after = found[i].Name
	}
	out.NextToken, err = a.next(r, more, after, in.RegistryID)
	return out, err
}

type deleteRepositoryInput struct {
	repositoryInput
	Force bool `api:"force"`
}

func (a *api) deleteRepository(ctx context.Context, r *awsapi.Request, in *deleteRepositoryInput) (any, error) {
	gone, err := a.ecr.DeleteRepository(ctx, r.Caller(), in.name(), in.Force)
	if err != nil {
		return nil, err
	}
	return oneRepository{repositoryOf(r, gone)}, nil
}
