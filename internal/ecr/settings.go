package ecr

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"coffer.example/internal/iam"
	"coffer.example/internal/meta/records"
	"coffer.example/kms"
)

// update changes the record of a repository.
func (s *Service) update(ctx context.Context, c kms.Caller, name Name, requestTags Tags, action string, edit func(*Repository) error) (out *Repository, err error) {
	err = retry(func() error {
		r, revision, err := s.repositoryTagged(ctx, c, name, requestTags, action)
		if err != nil {
			return err
		}
		if err := edit(r); err != nil {
			return err
		}
		out = r
		key := repoKey(r.Region, r.Account, r.Name)
		return records.NewChange().At(key, revision).Set(key, r).Commit(ctx, s.store)
	})
	return out, err
}

// SetMutability says which tags of a repository may move.
func (s *Service) SetMutability(ctx context.Context, c kms.Caller, name Name, m Mutability) (*Repository, error) {
	m, err := m.normal()
	if err != nil {
		return nil, err
	}
	return s.update(ctx, c, name, nil, "ecr:PutImageTagMutability", func(r *Repository) error { r.Mutability = m; return nil })
}

// SetScanOnPush keeps the setting; nothing here scans.
func (s *Service) SetScanOnPush(ctx context.Context, c kms.Caller, name Name, on bool) (*Repository, error) {
	return s.update(ctx, c, name, nil, "ecr:PutImageScanningConfiguration", func(r *Repository) error { r.ScanOnPush = on; return nil })
}

// Policy returns a repository that has a policy.
func (s *Service) Policy(ctx context.Context, c kms.Caller, name Name) (*Repository, error) {
	r, _, err := s.repository(ctx, c, name, "ecr:GetRepositoryPolicy")
	if err == nil && r.Policy == "" {
		return nil, noPolicy(r)
	}
	return r, err
}

func noPolicy(r *Repository) error {
	return refuse(PolicyNotFound, "Repository policy does not exist for the repository with name '%s' in the registry with id '%s'", r.Name, r.Account)
}

// SetPolicy replaces the policy of a repository. Without force it refuses one that
// would keep the caller from setting a policy again.
func (s *Service) SetPolicy(ctx context.Context, c kms.Caller, name Name, text string, force bool) (*Repository, error) {
	if len(text) > maxPolicySize {
		return nil, refuse(InvalidParameter, "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'length must be at most %d'", maxPolicySize)
	}
	if _, err := s.policies.Parse(iam.RepositoryPolicy, text); err != nil {
		return nil, refuse(InvalidParameter, "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided: %s'", strings.TrimPrefix(err.Error(), "iam: "))
	}
	return s.update(ctx, c, name, nil, "ecr:SetRepositoryPolicy", func(r *Repository) error {
		r.Policy = text
		if force {
			return nil
		}
		err := s.allow(c, access{action: "ecr:SetRepositoryPolicy", resource: r.ARN(), owner: r.Account, policy: text, tags: r.Tags})
		if HasReason(err, AccessDenied) {
			return refuse(InvalidParameter, "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'The policy would prevent the caller from setting a policy; use force'")
		}
		return err
	})
}

// DeletePolicy removes the policy and returns the repository as it was.
func (s *Service) DeletePolicy(ctx context.Context, c kms.Caller, name Name) (*Repository, error) {
	var before Repository
	_, err := s.update(ctx, c, name, nil, "ecr:DeleteRepositoryPolicy", func(r *Repository) error {
		if r.Policy == "" {
			return noPolicy(r)
		}
		before, r.Policy = *r, ""
		return nil
	})
	return &before, err
}

// LifecyclePolicy finds that no repository has one.
func (s *Service) LifecyclePolicy(ctx context.Context, c kms.Caller, name Name) error {
	r, _, err := s.repository(ctx, c, name, "ecr:GetLifecyclePolicy")
	if err != nil {
		return err
	}
	return refuse(LifecyclePolicyNotFound, "Lifecycle policy does not exist for the repository with name '%s' in the registry with id '%s'", r.Name, r.Account)
}

// named returns the name in the ARN of a repository of the caller's Region.
func named(c kms.Caller, arn string) (Name, error) {
	a, ok := iam.ParseARN(arn)
	repository, found := strings.CutPrefix(a.Resource, "repository/")
	if !ok || !found || a.Service != "ecr" || a.Region != c.Region || !iam.IsAccountID(a.Account) || !ValidName(repository) {
		return Name{}, refuse(InvalidParameter, "Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN'")
	}
	return Name{a.Account, repository}, nil
}

// ResourceTags returns the tags of the repository of an ARN.
func (s *Service) ResourceTags(ctx context.Context, c kms.Caller, arn string) (Tags, error) {
	name, err := named(c, arn)
	if err != nil {
		return nil, err
	}
	r, _, err := s.repository(ctx, c, name, "ecr:ListTagsForResource")
	if err != nil {
		return nil, err
	}
	return r.Tags, nil
}

// TagResource adds or replaces tags of the repository of an ARN.
func (s *Service) TagResource(ctx context.Context, c kms.Caller, arn string, tags Tags) error {
	name, err := named(c, arn)
	if err == nil {
		err = checkTags(tags)
	}
	if err != nil {
		return err
	}
	_, err = s.update(ctx, c, name, tags, "ecr:TagResource", func(r *Repository) error {
		if r.Tags == nil {
			r.Tags = Tags{}
		}
		for key, value := range tags {
			r.Tags[key] = value
		}
		return checkTags(r.Tags)
	})
	return err
}

// UntagResource removes tags of the repository of an ARN.
func (s *Service) UntagResource(ctx context.Context, c kms.Caller, arn string, tagKeys []string) error {
	name, err := named(c, arn)
	if err != nil {
		return err
	}
	_, err = s.update(ctx, c, name, nil, "ecr:UntagResource", func(r *Repository) error {
		for _, key := range tagKeys {
			delete(r.Tags, key)
		}
		return nil
	})
	return err
}

func checkTags(tags Tags) error {
	if len(tags) > maxResourceTags {
		return refuse(TooManyTags, "The number of tags exceeds the limit of %d", maxResourceTags)
	}
	var failed error
	for key, value := range tags {
		switch {
		case key == "" || utf8.RuneCountInString(key) > maxTagKey:
			failed = errors.Join(failed, refuse(InvalidTag, "Invalid parameter at 'tagKey' failed to satisfy constraint: 'length must be 1 to %d'", maxTagKey))
		case utf8.RuneCountInString(value) > maxTagValue:
			failed = errors.Join(failed, refuse(InvalidTag, "Invalid parameter at 'tagValue' failed to satisfy constraint: 'length must be at most %d'", maxTagValue))
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			failed = errors.Join(failed, refuse(InvalidTag, "Invalid parameter at 'tagKey' failed to satisfy constraint: 'must not start with aws:'"))
		}
	}
	return failed
}
