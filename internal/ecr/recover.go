package ecr

import (
	"context"
	"errors"

	"coffer.example/internal/blob"
	"coffer.example/internal/meta/records"
	"coffer.example/kms"
)

// recover undoes creations and finishes deletions that a crash has interrupted. What a
// key refuses now is left for the next start.
func (s *Service) recover(ctx context.Context) error {
	var unborn, dying []Repository
	err := scan(ctx, s.store, creatingPrefix, "", func(_ string, r *Repository) error { unborn = append(unborn, *r); return nil })
	if err != nil {
		return err
	}
	err = scan(ctx, s.store, deletingPrefix, "", func(_ string, r *Repository) error { dying = append(dying, *r); return nil })
	if err != nil {
		return err
	}
	for i := range unborn {
		r := &unborn[i]
		if err := s.undoCreation(ctx, r); err != nil {
			s.log.Warn("registry: grants of a repository that was not made stay", "repository", r.ARN(), "error", err)
		}
	}
	for i := range dying {
		r := &dying[i]
		if err := s.retireGrants(ctx, r.principal(), r); err != nil {
			s.log.Warn("registry: grants of a deleted repository stay", "repository", r.ARN(), "error", err)
		}
		if err := s.erase(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// undoCreation retires the grants of a repository that was not made, and forgets it. If
// that fails, the next start tries again.
func (s *Service) undoCreation(ctx context.Context, r *Repository) error {
	if err := s.findGrants(ctx, r); err != nil {
		return err
	}
	if err := s.retireGrants(ctx, r.principal(), r); err != nil {
		return err
	}
	return records.NewChange().Clear(creatingKey(r.ID)).Commit(ctx, s.store)
}

// findGrants finds the grants of a repository that was not made, also those whose ids were not learnt: by their names.
func (s *Service) findGrants(ctx context.Context, r *Repository) error {
	root := kms.Caller{
		Account: r.Account, Region: r.Region, ARN: "arn:aws:iam::" + r.Account + ":root", UserID: r.Account, Type: "Root",
		ViaService: viaService(r.Region), SourceIP: viaService(r.Region), UserAgent: viaService(r.Region),
	}
	r.Grants = nil
	marker := ""
	for {
		out, err := s.keys.ListRetirableGrants(ctx, root, kms.ListRetirableGrantsInput{RetiringPrincipal: r.ARN(), Page: kms.Page{Marker: marker}})
		if err != nil {
			return err
		}
		for _, g := range out.Grants {
			for number := range grantCount {
				if g.Name == r.grantName(number+1) {
					r.Grants = append(r.Grants, g.ID)
				}
			}
		}
		if marker = out.Next.Marker; marker == "" {
			return nil
		}
	}
}

// deleteBlobs deletes all objects under a prefix, in batches.
func (s *Service) deleteBlobs(ctx context.Context, prefix string) error {
	for {
		var names []string
		err := s.blobs.List(ctx, prefix, "", maxBatch, func(name string, _ int64) error { names = append(names, name); return nil })
		if err != nil || len(names) == 0 {
			return err
		}
		for _, name := range names {
			if err := s.blobs.Delete(ctx, name); err != nil && !errors.Is(err, blob.ErrNotFound) {
				return err
			}
		}
	}
}
