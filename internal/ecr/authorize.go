package ecr

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"coffer.example/internal/iam"
	"coffer.example/internal/meta"
	"coffer.example/kms"
)

// access is one question to the policies.
type access struct {
	action      string // ecr:PutImage
	resource    string // ARN or *
	owner       string // account
	policy      string // of the repository
	tags        Tags   // of the repository
	requestTags Tags
}

// Authorize asks the caller's policies for an action that concerns no repository.
func (s *Service) Authorize(c kms.Caller, action string) error {
	return s.allow(c, access{action: action, resource: "*", owner: c.Account})
}

// allow refuses unless the policies of the caller and of the repository allow it.
func (s *Service) allow(c kms.Caller, a access) error {
	policies := &iam.Policies{Rule: iam.EitherAllows}
	if a.resource == "*" {
		policies.Rule = iam.IdentityOnly
	}
	var err error
	if a.policy != "" {
		policies.Resource.Name = "the policy of " + a.resource
		if policies.Resource.Policy, err = s.policies.Parse(iam.RepositoryPolicy, a.policy); err != nil {
			return fmt.Errorf("ecr: policy of %s: %w", a.resource, err)
		}
	}
	if policies.Identity, err = s.parse(c.Policies); err != nil {
		return err
	}
	if policies.Boundary, err = s.parse(c.Boundary); err != nil {
		return err
	}
	if policies.Session, err = s.parse(c.SessionPolicies); err != nil {
		return err
	}
	request := &iam.Request{
		Principal: iam.Principal{
			Type: iam.PrincipalType(c.Type), Account: c.Account, ARN: c.ARN, RoleARN: c.RoleARN, UserID: c.UserID, UserName: c.UserName, Tags: c.Tags,
		},
		Action: a.action, Resource: a.resource, ResourceAccount: a.owner,
		Time: s.now(), Region: c.Region, SourceIP: c.SourceIP, UserAgent: c.UserAgent, TLS: !c.Insecure, Keys: a,
	}
	decision := iam.Evaluate(request, policies, nil)
	if decision.Allowed {
		return nil
	}
	return &Error{Reason: AccessDenied, Message: decision.Message(request), Decision: &decision}
}

func (s *Service) parse(from []kms.Policy) ([]iam.Named, error) {
	var out []iam.Named
	for _, p := range from {
		parsed, err := s.policies.Parse(iam.IdentityPolicy, p.Document)
		if err != nil {
			return nil, fmt.Errorf("ecr: %s: %w", p.Name, err)
		}
		out = append(out, iam.Named{Name: p.Name, Policy: parsed})
	}
	return out, nil
}

// Values implements iam.ConditionKeys.
func (a access) Values(lower, written string) ([]string, bool) {
	_, name, _ := strings.Cut(written, "/")
	switch {
	case strings.HasPrefix(lower, "aws:resourcetag/"), strings.HasPrefix(lower, "ecr:resourcetag/"):
		return iam.PairValues(a.tags, name)
	case strings.HasPrefix(lower, "aws:requesttag/"):
		return iam.PairValues(a.requestTags, name)
	case lower == "aws:tagkeys":
		return slices.Sorted(maps.Keys(a.requestTags)), len(a.requestTags) > 0
	}
	return nil, false
}

// repository finds a repository for a caller who may do all of the actions with it. A
// caller who may not learns nothing about whether it exists.
func (s *Service) repository(ctx context.Context, c kms.Caller, name Name, actions ...string) (*Repository, uint64, error) {
	return s.repositoryTagged(ctx, c, name, nil, actions...)
}

func (s *Service) repositoryTagged(ctx context.Context, c kms.Caller, name Name, requestTags Tags, actions ...string) (*Repository, uint64, error) {
	if name.Registry == "" {
		name.Registry = c.Account
	}
	if !ValidName(name.Repository) || !iam.IsAccountID(name.Registry) {
		return nil, 0, refuse(InvalidParameter, "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression '%s''", strings.Trim(namePattern.String(), "^$"))
	}
	a := access{resource: repositoryARN(c.Region, name.Registry, name.Repository), owner: name.Registry, requestTags: requestTags}
	repo, revision, err := get[Repository](ctx, s.store, repoKey(c.Region, name.Registry, name.Repository))
	switch {
	case err == nil:
		a.policy, a.tags = repo.Policy, repo.Tags
	case !errors.Is(err, meta.ErrNotFound):
		return nil, 0, err
	}
	for _, action := range actions {
		a.action = action
		if err := s.allow(c, a); err != nil {
			return nil, 0, err
		}
	}
	if repo == nil {
		return nil, 0, noRepository(name)
	}
	return repo, revision, nil
}

func noRepository(name Name) error {
	return refuse(RepositoryNotFound, "The repository with name '%s' does not exist in the registry with id '%s'", name.Repository, name.Registry)
}
