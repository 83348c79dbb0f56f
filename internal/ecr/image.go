package ecr

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"coffer.example/internal/meta"
	"coffer.example/internal/meta/records"
	"coffer.example/kms"
)

// Image is a manifest of a repository, with what it says that the catalogue needs.
type Image struct {
	Digest       string
	Object       object
	MediaType    string
	ArtifactType string   `json:",omitempty"`
	ConfigType   string   `json:",omitempty"`
	Subject      string   `json:",omitempty"`
	Layers       []string `json:",omitempty"`
	Images       []string `json:",omitempty"`
	ImageSize    int64    // of its layers
	Pushed       time.Time
}

// Size returns the size of the manifest.
func (i *Image) Size() int64 { return i.Object.Size }

// PutImageInput is a manifest to be pushed, under tags, a digest or both.
type PutImageInput struct {
	Name      Name
	Content   []byte
	MediaType string // empty: the manifest's own
	Tags      []string
	Digest    string
}

// PutImageOutput is the image that is there then.
type PutImageOutput struct {
	Image     *Image
	Unchanged bool // it was there before, under those tags if any were given
}

// PutImage pushes a manifest.
func (s *Service) PutImage(ctx context.Context, c kms.Caller, in PutImageInput) (*PutImageOutput, error) {
	r, _, err := s.repository(ctx, c, in.Name, "ecr:PutImage")
	if err != nil {
		return nil, err
	}
	m, err := parseManifest(in.Content, in.MediaType)
	if err != nil {
		return nil, err
	}
	if err := checkImageTags(in.Tags); err != nil {
		return nil, err
	}
	digest, sum, err := digestOf(in.Content, in.Digest)
	if err != nil {
		return nil, err
	}
	image := &Image{
		Digest: digest, MediaType: m.mediaType, ArtifactType: m.artifactType, ConfigType: m.configType, Subject: m.subject,
		Layers: m.layers, Images: m.images, ImageSize: m.size, Pushed: s.now(),
	}
	ctx = settled(ctx)
	id, err := s.beginUpload(ctx, r, &upload{Ended: true})
	if err != nil {
		return nil, err
	}
	out, err := s.putImage(ctx, r, id, sum, image, m, in)
	if err != nil || out.Image != image {
		err = errors.Join(err, s.dropUpload(ctx, r.ID, id))
	}
	return out, err
}

// putImage seals a manifest under the id of an upload, and commits it.
func (s *Service) putImage(ctx context.Context, r *Repository, id, sum string, image *Image, m *manifest, in PutImageInput) (*PutImageOutput, error) {
	stored, err := s.sealManifest(ctx, r, id, in.Content, sum)
	if err != nil {
		return nil, err
	}
	image.Object = *stored
	return s.addImage(ctx, r, image, m, in.Tags)
}

func checkImageTags(tags []string) error {
	if len(tags) > MaxPushTags {
		return refuse(LimitExceeded, "A manifest may come with at most %d tags", MaxPushTags)
	}
	for i, tag := range tags {
		if !ValidTag(tag) {
			return refuse(InvalidParameter, "Invalid parameter at 'imageTag' failed to satisfy constraint: 'must satisfy regular expression '[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}''")
		}
		if slices.Contains(tags[:i], tag) {
			return refuse(InvalidParameter, "Invalid parameter at 'imageTag' failed to satisfy constraint: 'must not repeat'")
		}
	}
	return nil
}

// digestOf returns the digest of a manifest, by the algorithm of the one it is said to have, and its SHA-256.
func digestOf(content []byte, claimed string) (digest, sum string, err error) {
	hashed := sha256.Sum256(content)
	sum = hex.EncodeToString(hashed[:])
	digest = "sha256:" + sum
	if strings.HasPrefix(claimed, "sha512:") {
		longer := sha512.Sum512(content)
		digest = "sha512:" + hex.EncodeToString(longer[:])
	}
	if claimed != "" && claimed != digest {
		return "", "", refuse(DigestMismatch, "The manifest has the digest '%s', not '%s'", digest, claimed)
	}
	return digest, sum, nil
}

// sealManifest keeps a manifest's bytes: an upload that is complete at once.
func (s *Service) sealManifest(ctx context.Context, r *Repository, id string, content []byte, sum string) (*object, error) {
	open, kept, err := s.newUploadKeys(ctx, r, id)
	if err != nil {
		return nil, err
	}
	defer open.destroy()
	guarded, err := s.guard(ctx, r, id, sum, open, kept)
	if err != nil {
		return nil, err
	}
	run, err := s.newRun()
	if err != nil {
		return nil, err
	}
	err = s.putSegment(ctx, open, segmentName(r.ID, id, 0, run), func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
	size := int64(len(content))
	return &object{ID: id, SHA256: sum, Size: size, Segments: []segment{{Run: run, Size: size}}, Keys: *guarded}, err
}

// addImage commits a manifest, its tags and what finds it, while all it refers to is there.
func (s *Service) addImage(ctx context.Context, r *Repository, image *Image, m *manifest, tags []string) (*PutImageOutput, error) {
	release, err := s.locks.Acquire(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := s.checkReferences(ctx, r, m); err != nil {
		return nil, err
	}
	var out *PutImageOutput
	err = retry(func() error {
		c := records.NewChange()
		if err := s.stillThere(ctx, r, c); err != nil {
			return err
		}
		out = &PutImageOutput{Image: image}
		there, revision, err := get[Image](ctx, s.store, imageKey(r.ID, image.Digest))
		switch {
		case err == nil && there.MediaType == image.MediaType:
			out = &PutImageOutput{Image: there, Unchanged: true}
		case err != nil && !errors.Is(err, meta.ErrNotFound):
			return err
		case err == nil:
			return refuse(InvalidManifest, "The manifest is there already with the media type '%s'", there.MediaType)
		default:
			if err := s.stageImage(ctx, r, c, image, m); err != nil {
				return err
			}
		}
		c.At(imageKey(r.ID, image.Digest), revision)
		for _, tag := range tags {
			moved, err := s.stageTag(ctx, r, c, tag, image.Digest)
			if err != nil {
				return err
			}
			out.Unchanged = out.Unchanged && !moved
		}
		return c.Commit(ctx, s.store)
	})
	return out, err
}

func (s *Service) stageImage(ctx context.Context, r *Repository, c *records.Change, image *Image, m *manifest) error {
	ok, err := atMost(ctx, s.store, imagePrefix(r.ID), maxImages-1)
	if err != nil {
		return err
	}
	if !ok {
		return refuse(LimitExceeded, "The repository '%s' already has the maximum of %d images", r.Name, maxImages)
	}
	c.Set(imageKey(r.ID, image.Digest), image).Clear(uploadKey(r.ID, image.Object.ID))
	if m.subject != "" {
		c.Set(referrerKey(r.ID, m.subject, image.Digest), m.referrer(image.Digest, image.Size()))
	}
	return nil
}

// tagRecord is where a tag points.
type tagRecord struct{ Digest string }

// stageTag points a tag at a digest, and says whether that changes anything.
func (s *Service) stageTag(ctx context.Context, r *Repository, c *records.Change, tag, digest string) (moved bool, err error) {
	key := tagKey(r.ID, tag)
	old, revision, err := get[tagRecord](ctx, s.store, key)
	switch {
	case err == nil && old.Digest == digest:
		return false, nil
	case err == nil && r.Mutability.fixes(tag):
		return false, refuse(TagExists, "The image tag '%s' already exists in the '%s' repository and cannot be overwritten because the tag is immutable.", tag, r.Name)
	case err == nil:
		c.Clear(taggedKey(r.ID, old.Digest, tag))
	case !errors.Is(err, meta.ErrNotFound):
		return false, err
	}
	ok, err := atMost(ctx, s.store, taggedPrefix(r.ID, digest), maxTagsPerImage-1)
	if err != nil {
		return false, err
	}
	if !ok {
		return false, refuse(LimitExceeded, "The image already has the maximum of %d tags", maxTagsPerImage)
	}
	c.At(key, revision).Set(key, tagRecord{digest}).Set(taggedKey(r.ID, digest, tag), tagRecord{digest})
	return true, nil
}

// checkReferences refuses a manifest that refers to what is not there. Its subject need not be.
func (s *Service) checkReferences(ctx context.Context, r *Repository, m *manifest) error {
	var missing []string
	for _, digest := range m.layers {
		there, err := exists(ctx, s.store, layerKey(r.ID, digest))
		if err != nil {
			return err
		}
		if !there {
			missing = append(missing, digest)
		}
	}
	if len(missing) > 0 {
		return refuse(LayerNotFound, "Layers with digests '[%s]' required for pushing image into repository with name '%s' in the registry with id '%s' do not exist", strings.Join(missing, ", "), r.Name, r.Account)
	}
	for _, digest := range m.images {
		there, err := exists(ctx, s.store, imageKey(r.ID, digest))
		if err != nil {
			return err
		}
		if !there {
			missing = append(missing, digest)
		}
	}
	if len(missing) > 0 {
		return refuse(ReferencedImagesNotFound, "Images with digests '[%s]' required for pushing image into repository with name '%s' in the registry with id '%s' do not exist", strings.Join(missing, ", "), r.Name, r.Account)
	}
	return nil
}
