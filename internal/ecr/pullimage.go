package ecr

import (
	"context"
	"errors"
	"io"
	"strings"

	"coffer.example/internal/meta"
	"coffer.example/internal/meta/records"
	"coffer.example/kms"
)

// ImageID names an image by tag, by digest, or by both, which must agree.
type ImageID struct{ Tag, Digest string }

// String names the image for a message.
func (i ImageID) String() string {
	digest := i.Digest
	if digest == "" {
		digest = "null"
	}
	tag := i.Tag
	if tag == "" {
		tag = "null"
	}
	return "{imageDigest:'" + digest + "', imageTag:'" + tag + "'}"
}

const actionPull = "ecr:BatchGetImage"

// StatImage finds an image without opening its manifest.
func (s *Service) StatImage(ctx context.Context, c kms.Caller, name Name, id ImageID) (*Image, error) {
	r, _, err := s.repository(ctx, c, name, actionPull)
	if err != nil {
		return nil, err
	}
	return s.image(ctx, r, id)
}

// GetImage returns an image and the bytes of its manifest.
func (s *Service) GetImage(ctx context.Context, c kms.Caller, name Name, id ImageID) (*Image, []byte, error) {
	r, _, err := s.repository(ctx, c, name, actionPull)
	if err != nil {
		return nil, nil, err
	}
	image, err := s.image(ctx, r, id)
	if err != nil {
		return nil, nil, err
	}
	content, err := s.readManifest(ctx, r, image)
	return image, content, err
}

// readManifest returns the bytes of a manifest, MaxManifestSize at most.
func (s *Service) readManifest(ctx context.Context, r *Repository, image *Image) ([]byte, error) {
	content, err := s.openContent(ctx, r, &image.Object)
	if err != nil {
		return nil, err
	}
	b := make([]byte, content.Size())
	_, err = io.ReadFull(io.NewSectionReader(content, 0, content.Size()), b)
	return b, errors.Join(err, content.Close())
}

// image finds an image by its id.
func (s *Service) image(ctx context.Context, r *Repository, id ImageID) (*Image, error) {
	digest := id.Digest
	if id.Tag != "" {
		tag, _, err := get[tagRecord](ctx, s.store, tagKey(r.ID, id.Tag))
		if errors.Is(err, meta.ErrNotFound) || err == nil && digest != "" && digest != tag.Digest {
			return nil, noImage(r, id)
		}
		if err != nil {
			return nil, err
		}
		digest = tag.Digest
	}
	if !ValidDigest(digest) {
		return nil, noImage(r, id)
	}
	image, _, err := get[Image](ctx, s.store, imageKey(r.ID, digest))
	if errors.Is(err, meta.ErrNotFound) {
		return nil, noImage(r, id)
	}
	return image, err
}

func noImage(r *Repository, id ImageID) error {
	return refuse(ImageNotFound, "The image with imageId %s does not exist within the repository with name '%s' in the registry with id '%s'", id, r.Name, r.Account)
}

// ListTags lists the tags of a repository in lexical order without case (OCI
// distribution-spec, "Listing Tags"): at most limit of them after one, and whether there are more.
func (s *Service) ListTags(ctx context.Context, c kms.Caller, name Name, after string, limit int) (tags []string, more bool, err error) {
	r, _, err := s.repository(ctx, c, name, "ecr:ListImages")
	if err != nil {
		return nil, false, err
	}
	start := ""
	if after != "" {
		start = tagKey(r.ID, after)
	}
	err = scan(ctx, s.store, tagPrefix(r.ID), start, func(key string, _ *tagRecord) error {
		if len(tags) == limit {
			more = true
			return records.ErrStop
		}
		_, tag, _ := strings.Cut(lastPart(key), "!")
		tags = append(tags, tag)
		return nil
	})
	return tags, more, err
}
