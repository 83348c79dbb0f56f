package ecr

import (
	"context"
	"errors"
	"maps"
	"path"

	"coffer.example/internal/meta"
	"coffer.example/internal/meta/records"
	"coffer.example/kms"
)

// CreateRepositoryInput asks for a repository. Zero fields have AWS's defaults.
type CreateRepositoryInput struct {
	Name       Name
	Encryption Encryption
	Mutability Mutability
	ScanOnPush bool
	Tags       Tags
}

// CreateRepository makes a repository; for one under a KMS key it resolves the key and makes the grants, as the caller.
func (s *Service) CreateRepository(ctx context.Context, c kms.Caller, in CreateRepositoryInput) (*Repository, error) {
	if in.Name.Registry != "" && in.Name.Registry != c.Account {
		return nil, refuse(InvalidParameter, "Invalid parameter at 'registryId' failed to satisfy constraint: 'must be the caller's account'")
	}
	_, _, err := s.repositoryTagged(ctx, c, in.Name, in.Tags, in.actions()...)
	switch {
	case err == nil:
		return nil, refuse(RepositoryExists, "The repository with name '%s' already exists in the registry with id '%s'", in.Name.Repository, c.Account)
	case !HasReason(err, RepositoryNotFound):
		return nil, err
	}
	r, err := s.newRepository(ctx, c, in)
	if err != nil {
		return nil, err
	}
	if r.Encryption.Type == EncryptionAES256 {
		return r, s.publish(ctx, r)
	}
	if r.Encryption.Key, err = s.resolveKey(ctx, c, r.Encryption.Key); err != nil {
		return nil, err
	}
	if err := records.NewChange().Set(creatingKey(r.ID), r).Commit(ctx, s.store); err != nil {
		return nil, err
	}
	ctx = settled(ctx)
	err = s.createGrants(ctx, c, r)
	if err == nil {
		err = s.publish(ctx, r)
	}
	if err != nil {
		return nil, errors.Join(err, s.undoCreation(ctx, r))
	}
	return r, nil
}

func (in *CreateRepositoryInput) actions() []string {
	if len(in.Tags) > 0 {
		return []string{"ecr:CreateRepository", "ecr:TagResource"}
	}
	return []string{"ecr:CreateRepository"}
}

// newRepository validates a request and returns what it asks for.
func (s *Service) newRepository(ctx context.Context, c kms.Caller, in CreateRepositoryInput) (*Repository, error) {
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	mutability, err := in.Mutability.normal()
	if err != nil {
		return nil, err
	}
	encryption := in.Encryption
	switch encryption.Type {
	case "":
		encryption.Type = EncryptionAES256
	case EncryptionAES256, EncryptionKMS, EncryptionDSSE:
	default:
		return nil, refuse(InvalidParameter, "Invalid parameter at 'encryptionType' failed to satisfy constraint: 'Member must satisfy enum value set: [KMS, AES256, KMS_DSSE]'")
	}
	if encryption.Type == EncryptionAES256 && encryption.Key != "" {
		return nil, refuse(InvalidParameter, "Invalid parameter at 'encryptionConfiguration' failed to satisfy constraint: 'kmsKey can only be specified when encryptionType is KMS or KMS_DSSE'")
	}
	ok, err := atMost(ctx, s.store, accountPrefix(c.Region, c.Account), maxRepositories-1)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, refuse(LimitExceeded, "The registry with id '%s' already has the maximum of %d repositories", c.Account, maxRepositories)
	}
	id, err := s.newUUID()
	return &Repository{
		ID: id, Region: c.Region, Account: c.Account, Name: in.Name.Repository, Created: s.now(),
		Encryption: encryption, Mutability: mutability, ScanOnPush: in.ScanOnPush, Tags: maps.Clone(in.Tags),
	}, err
}

// publish makes a repository visible under its name.
func (s *Service) publish(ctx context.Context, r *Repository) error {
	key := repoKey(r.Region, r.Account, r.Name)
	err := records.NewChange().At(key, 0).Set(key, r).Clear(creatingKey(r.ID)).Commit(ctx, s.store)
	if errors.Is(err, meta.ErrConflict) {
		return refuse(RepositoryExists, "The repository with name '%s' already exists in the registry with id '%s'", r.Name, r.Account)
	}
	return err
}

// Describe returns the repositories of those names; all of them must be there.
func (s *Service) Describe(ctx context.Context, c kms.Caller, registry string, names []string) ([]Repository, error) {
	out := make([]Repository, 0, len(names))
	for _, name := range names {
		r, _, err := s.repository(ctx, c, Name{registry, name}, "ecr:DescribeRepositories")
		if err != nil {
			return nil, err
		}
		out = append(out, *r)
	}
	return out, nil
}

// Repositories lists a registry by name: at most limit after one, and whether there are more.
func (s *Service) Repositories(ctx context.Context, c kms.Caller, registry, after string, limit int) (out []Repository, more bool, err error) {
	if registry == "" {
		registry = c.Account
	}
	all := repositoryARN(c.Region, registry, "*")
	if err := s.allow(c, access{action: "ecr:DescribeRepositories", resource: all, owner: registry}); err != nil {
		return nil, false, err
	}
	prefix := accountPrefix(c.Region, registry)
	start := ""
	if after != "" {
		start = prefix + after
	}
	err = scan(ctx, s.store, prefix, start, func(_ string, r *Repository) error {
		if len(out) == limit {
			more = true
			return records.ErrStop
		}
		out = append(out, *r)
		return nil
	})
	return out, more, err
}

// DeleteRepository deletes a repository, with force also one that has images. When its
// grants cannot be retired the repository is deleted nevertheless, and the error says so.
func (s *Service) DeleteRepository(ctx context.Context, c kms.Caller, name Name, force bool) (*Repository, error) {
	r, err := s.unpublish(ctx, c, name, force)
	if err != nil {
		return nil, err
	}
	ctx = settled(ctx)
	failed := s.retireGrants(ctx, forService(c), r)
	if err := s.erase(ctx, r); err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, &Error{Reason: KeyUnavailable, KMSCode: kms.Code(failed), Cause: failed, Message: "The repository [" + r.Name +
			"] has been deleted successfully but the grants created by the kmsKey [" + r.Encryption.Key + "] failed to be retired"}
	}
	return r, nil
}

// unpublish frees a repository's name: nothing finds it any more.
func (s *Service) unpublish(ctx context.Context, c kms.Caller, name Name, force bool) (deleted *Repository, err error) {
	err = retry(func() error {
		r, revision, err := s.repository(ctx, c, name, "ecr:DeleteRepository")
		if err != nil {
			return err
		}
		release, err := s.locks.Acquire(ctx, r.ID)
		if err != nil {
			return err
		}
		defer release()
		empty, err := atMost(ctx, s.store, imagePrefix(r.ID), 0)
		if err != nil {
			return err
		}
		if !empty && !force {
			return refuse(RepositoryNotEmpty, "The repository with name '%s' in registry with id '%s' cannot be deleted because it still contains images", r.Name, r.Account)
		}
		key := repoKey(r.Region, r.Account, r.Name)
		deleted = r
		return records.NewChange().At(key, revision).Clear(key).Set(deletingKey(r.ID), r).Commit(ctx, s.store)
	})
	return deleted, err
}

// erase removes the contents of an unpublished repository, and then the last trace of it.
func (s *Service) erase(ctx context.Context, r *Repository) error {
	for _, prefix := range contentPrefixes(r.ID) {
		if err := clearAll(ctx, s.store, prefix); err != nil {
			return err
		}
	}
	if err := s.deleteBlobs(ctx, blobPrefix(r.ID)); err != nil {
		return err
	}
	return records.NewChange().Clear(deletingKey(r.ID)).Commit(ctx, s.store)
}

// normal validates a mutability and fills its default in.
func (m Mutability) normal() (Mutability, error) {
	switch m.Mode {
	case "":
		m.Mode = Mutable
	case Mutable, Immutable, MutableExcept, ImmutableExcept:
	default:
		return m, refuse(InvalidParameter, "Invalid parameter at 'imageTagMutability' failed to satisfy constraint: 'Member must satisfy enum value set: [MUTABLE, IMMUTABLE, IMMUTABLE_WITH_EXCLUSION, MUTABLE_WITH_EXCLUSION]'")
	}
	excepts := m.Mode == MutableExcept || m.Mode == ImmutableExcept
	if excepts != (len(m.Exclusions) > 0) || len(m.Exclusions) > maxExclusionFilters {
		return m, refuse(InvalidParameter, "Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: 'must have 1 to %d filters where imageTagMutability is MUTABLE_WITH_EXCLUSION or IMMUTABLE_WITH_EXCLUSION, and none elsewhere'", maxExclusionFilters)
	}
	return m, nil
}

// fixes says whether a tag may not move.
func (m Mutability) fixes(tag string) bool {
	excluded := false
	for _, pattern := range m.Exclusions {
		// Filters hold letters, digits, ._- and *, so that path.Match sees no other meta character.
		matched, err := path.Match(pattern, tag)
		excluded = excluded || err == nil && matched
	}
	immutable := m.Mode == Immutable || m.Mode == ImmutableExcept
	return immutable != excluded
}
