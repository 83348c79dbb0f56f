package ecrapi

import (
	"coffer.example/internal/awsapi"
	"coffer.example/internal/ecr"
)

// repositoryInput is the input that names a repository; others embed it.
type repositoryInput struct {
	RegistryID     string `api:"registryId" pattern:"[0-9]{12}"`
	RepositoryName string `api:"repositoryName,required" len:"2..256" pattern:"[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*(\\/[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*)*"`
}

func (in *repositoryInput) name() ecr.Name {
	return ecr.Name{Registry: in.RegistryID, Repository: in.RepositoryName}
}

// repositoryRef names the repository of an answer.
type repositoryRef struct {
	RegistryID     string `json:"registryId"`
	RepositoryName string `json:"repositoryName"`
}

func refOf(r *ecr.Repository) repositoryRef { return repositoryRef{r.Account, r.Name} }

// ref is the repository of a request.
func (in *repositoryInput) ref(r *awsapi.Request) repositoryRef {
	if in.RegistryID == "" {
		return repositoryRef{r.Principal.Account, in.RepositoryName}
	}
	return repositoryRef{in.RegistryID, in.RepositoryName}
}

// pageInput asks for a page of a list.
type pageInput struct {
	NextToken  string `api:"nextToken"`
	MaxResults *int   `api:"maxResults" range:"1..1000"`
}

const defaultPage = 100

func (in *pageInput) limit() int {
	if in.MaxResults == nil {
		return defaultPage
	}
	return *in.MaxResults
}

// after opens the token; selects is what the list depends on.
func (a *api) after(r *awsapi.Request, in *pageInput, selects ...string) (string, error) {
	if in.NextToken == "" {
		return "", nil
	}
	return a.pages.Open(r, in.NextToken, selects...)
}

// next seals the token of the page after an entry, empty at the end.
func (a *api) next(r *awsapi.Request, more bool, last string, selects ...string) (string, error) {
	if !more {
		return "", nil
	}
	return a.pages.Seal(r, last, selects...)
}

type tag struct {
	Key   string `api:"Key,required" json:"Key"`
	Value string `api:"Value,required" json:"Value"`
}

func tagsOf(list []tag) (ecr.Tags, error) {
	if len(list) == 0 {
		return nil, nil
	}
	out := ecr.Tags{}
	for _, t := range list {
		if _, again := out[t.Key]; again {
			return nil, awsapi.Errorf("InvalidTagParameterException", "Invalid parameter at 'tags' failed to satisfy constraint: 'tag keys must be unique'")
		}
		out[t.Key] = t.Value
	}
	return out, nil
}

type exclusion struct {
	FilterType string `api:"filterType,required" enum:"WILDCARD" json:"filterType"`
	Filter     string `api:"filter,required" len:"1..128" pattern:"^[0-9a-zA-Z._*-]{1,128}$" json:"filter"`
}

// mutabilityInput says which tags may move.
type mutabilityInput struct {
	Mutability string      `api:"imageTagMutability" enum:"MUTABLE|IMMUTABLE|IMMUTABLE_WITH_EXCLUSION|MUTABLE_WITH_EXCLUSION"`
	Exclusions []exclusion `api:"imageTagMutabilityExclusionFilters" len:"1..5"`
}

func mutabilityOf(mode string, exclusions []exclusion) ecr.Mutability {
	m := ecr.Mutability{Mode: mode}
	for _, e := range exclusions {
		m.Exclusions = append(m.Exclusions, e.Filter)
	}
	return m
}

func exclusionsOf(m ecr.Mutability) []exclusion {
	var out []exclusion
	for _, pattern := range m.Exclusions {
		out = append(out, exclusion{"WILDCARD", pattern})
	}
	return out
}

type scanning struct {
	ScanOnPush bool `api:"scanOnPush" json:"scanOnPush"`
}
