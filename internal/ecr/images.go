package ecr

import (
	"context"
	"errors"
	"slices"

	"coffer.example/internal/meta/records"
	"coffer.example/kms"
)

// TagStatus selects images that have tags, or none.
type TagStatus uint8

// The tag statuses.
const (
	AnyTagStatus TagStatus = iota
	Tagged
	Untagged
)

// ImageDetail is an image with its tags.
type ImageDetail struct {
	Image
	ImageTags []string
}

// DescribeImages lists the images of a repository by digest: at most limit after one, and whether there are more.
func (s *Service) DescribeImages(ctx context.Context, c kms.Caller, name Name, status TagStatus, after string, limit int, action string) (out []ImageDetail, more bool, err error) {
	r, _, err := s.repository(ctx, c, name, action)
	if err != nil {
		return nil, false, err
	}
	start := ""
	if after != "" {
		start = imageKey(r.ID, after)
	}
	err = scan(ctx, s.store, imagePrefix(r.ID), start, func(_ string, image *Image) error {
		tags, err := s.tagsOf(ctx, r, image.Digest)
		if err != nil || status == Tagged && len(tags) == 0 || status == Untagged && len(tags) > 0 {
			return err
		}
		if len(out) == limit {
			more = true
			return records.ErrStop
		}
		out = append(out, ImageDetail{*image, tags})
		return nil
	})
	return out, more, err
}

// DescribeImage returns one image with its tags.
func (s *Service) DescribeImage(ctx context.Context, c kms.Caller, name Name, id ImageID) (*ImageDetail, error) {
	r, _, err := s.repository(ctx, c, name, "ecr:DescribeImages")
	if err != nil {
		return nil, err
	}
	image, err := s.image(ctx, r, id)
	if err != nil {
		return nil, err
	}
	tags, err := s.tagsOf(ctx, r, image.Digest)
	return &ImageDetail{*image, tags}, err
}

func (s *Service) tagsOf(ctx context.Context, r *Repository, digest string) ([]string, error) {
	tagged, err := keys(ctx, s.store, taggedPrefix(r.ID, digest), 0)
	for i := range tagged {
		tagged[i] = lastPart(tagged[i])
	}
	return tagged, err
}

// ErrReferenced says that an image belongs to an index and stays.
var ErrReferenced = errors.New("ecr: image is referenced by an index")

// DeleteImage deletes a tag, or, by digest, an image with all its tags; it returns what it deleted.
// ECR's rule holds that a tag that was the last one takes its image along; the OCI
// registry deletes the tag alone. An image that an index refers to stays, unless unchecked.
func (s *Service) DeleteImage(ctx context.Context, c kms.Caller, name Name, id ImageID, lastTagTakesImage bool) ([]ImageID, error) {
	r, _, err := s.repository(ctx, c, name, "ecr:BatchDeleteImage")
	if err != nil {
		return nil, err
	}
	release, err := s.locks.Acquire(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	defer release()
	image, err := s.image(ctx, r, id)
	if err != nil {
		return nil, err
	}
	ctx = settled(ctx)
	tags, err := s.tagsOf(ctx, r, image.Digest)
	if err != nil {
		return nil, err
	}
	if id.Tag != "" && (len(tags) > 1 || !lastTagTakesImage) {
		return []ImageID{{id.Tag, image.Digest}}, s.untag(ctx, r, image.Digest, []string{id.Tag})
	}
	if lastTagTakesImage {
		if err := s.checkUnreferenced(ctx, r, image.Digest); err != nil {
			return nil, err
		}
	}
	var gone []ImageID
	for _, tag := range tags {
		gone = append(gone, ImageID{tag, image.Digest})
	}
	if len(gone) == 0 {
		gone = []ImageID{{"", image.Digest}}
	}
	for batch := range slices.Chunk(tags, maxBatch) {
		if err := s.untag(ctx, r, image.Digest, batch); err != nil {
			return nil, err
		}
	}
	return gone, s.dropImage(ctx, r, image)
}

func (s *Service) untag(ctx context.Context, r *Repository, digest string, tags []string) error {
	change := records.NewChange()
	for _, tag := range tags {
		change.Clear(tagKey(r.ID, tag)).Clear(taggedKey(r.ID, digest, tag))
	}
	return change.Commit(ctx, s.store)
}

func (s *Service) checkUnreferenced(ctx context.Context, r *Repository, digest string) error {
	return scan(ctx, s.store, imagePrefix(r.ID), "", func(_ string, other *Image) error {
		if slices.Contains(other.Images, digest) {
			return ErrReferenced
		}
		return nil
	})
}

// dropImage deletes an image, as dropLayer does a layer.
func (s *Service) dropImage(ctx context.Context, r *Repository, image *Image) error {
	change := records.NewChange().Clear(imageKey(r.ID, image.Digest)).Set(uploadKey(r.ID, image.Object.ID), &upload{Ended: true})
	if image.Subject != "" {
		change.Clear(referrerKey(r.ID, image.Subject, image.Digest))
	}
	if err := change.Commit(ctx, s.store); err != nil {
		return err
	}
	return s.dropUpload(ctx, r.ID, image.Object.ID)
}
