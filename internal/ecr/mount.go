package ecr

import (
	"context"
	"errors"
	"fmt"
	"io"

	"coffer.example/internal/meta"
	"coffer.example/internal/meta/records"
	"coffer.example/kms"
)

// ErrNoMount says that a layer cannot be mounted, so that it is to be uploaded.
var ErrNoMount = errors.New("ecr: layer cannot be mounted")

// MountLayer makes a layer of another repository of the same registry one of this
// repository, if the caller may read it there and both keys allow: it is opened and sealed
// anew. Without from, any repository that the caller may read is as good.
func (s *Service) MountLayer(ctx context.Context, c kms.Caller, name Name, digest, from string) (*Layer, error) {
	target, _, err := s.repository(ctx, c, name, actionStart, actionAppend, actionComplete)
	if err != nil {
		return nil, err
	}
	source, err := s.mountSource(ctx, c, target, digest, from)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoMount, err)
	}
	defer source.Close()
	name = Name{target.Account, target.Name}
	id, err := s.StartUpload(ctx, c, name)
	if err != nil {
		return nil, err
	}
	if _, err = s.Append(ctx, c, name, id, 0, io.NewSectionReader(source, 0, source.Size())); err == nil {
		var layer *Layer
		if layer, err = s.CompleteUpload(ctx, c, name, id, digest); err == nil {
			return layer, nil
		}
	}
	return nil, errors.Join(err, s.CancelUpload(settled(ctx), c, name, id))
}

// mountSource opens the layer that is to be mounted.
func (s *Service) mountSource(ctx context.Context, c kms.Caller, target *Repository, digest, from string) (*Content, error) {
	if from != "" {
		return s.OpenLayer(ctx, c, Name{target.Account, from}, digest)
	}
	if err := checkDigest(digest); err != nil {
		return nil, err
	}
	holders, err := s.holders(ctx, target.Region, target.Account, digest)
	if err != nil {
		return nil, err
	}
	for _, holder := range holders {
		if content, err := s.OpenLayer(ctx, c, Name{target.Account, holder}, digest); err == nil {
			return content, nil
		}
	}
	return nil, refuse(LayerNotFound, "The layer with digest '%s' is in no repository that the caller may read", digest)
}

// holders returns the repositories of a registry that have a layer, of the first maxAnonymousMount by name.
func (s *Service) holders(ctx context.Context, region, account, digest string) (names []string, err error) {
	examined := 0
	var found []Repository
	err = scan(ctx, s.store, accountPrefix(region, account), "", func(_ string, r *Repository) error {
		if examined == maxAnonymousMount {
			return records.ErrStop
		}
		examined++
		found = append(found, *r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range found {
		_, _, err := get[Layer](ctx, s.store, layerKey(found[i].ID, digest))
		switch {
		case err == nil:
			names = append(names, found[i].Name)
		case !errors.Is(err, meta.ErrNotFound):
			return nil, err
		}
	}
	return names, nil
}
