package ecr

import (
	"context"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"time"

	"coffer.example/internal/blob"
	"coffer.example/internal/meta"
	"coffer.example/internal/meta/records"
	"coffer.example/kms"
)

// Layer is a layer of a repository: any blob, in the words of the OCI specification.
type Layer struct {
	Digest  string
	Object  object
	Created time.Time
}

// Size returns the size of the layer's content.
func (l *Layer) Size() int64 { return l.Object.Size }

// CompleteUpload makes an upload the layer of a digest. A layer that is there already
// stays as it is. An upload whose content has another digest stays an upload.
func (s *Service) CompleteUpload(ctx context.Context, c kms.Caller, name Name, id, digest string) (*Layer, error) {
	r, _, err := s.repository(ctx, c, name, actionComplete)
	if err != nil {
		return nil, err
	}
	if err := checkDigest(digest); err != nil {
		return nil, err
	}
	release, err := s.locks.Acquire(ctx, id)
	if err != nil {
		return nil, err
	}
	defer release()
	up, _, err := s.upload(ctx, r, id)
	if err != nil {
		return nil, err
	}
	open, kept, err := s.loadUploadKeys(ctx, r, id)
	if err != nil {
		return nil, err
	}
	defer open.destroy()
	sum, err := s.verify(ctx, r, id, up, open, digest)
	if err != nil {
		return nil, err
	}
	layer := &Layer{Digest: digest, Created: s.now(), Object: object{ID: id, SHA256: sum, Size: up.Size, Segments: up.Segments}}
	ctx = settled(ctx)
	guarded, err := s.guard(ctx, r, id, sum, open, kept)
	if err != nil {
		return nil, err
	}
	layer.Object.Keys = *guarded
	return s.addLayer(ctx, r, layer)
}

func checkDigest(digest string) error {
	if !ValidDigest(digest) {
		return refuse(InvalidParameter, "Invalid parameter at 'layerDigests' failed to satisfy constraint: 'must be a sha256 or sha512 digest'")
	}
	return nil
}

// verify compares the content of an upload with a digest, and returns its SHA-256. What
// is not SHA-256 is computed from what is stored: that it will be is not known while it comes in.
func (s *Service) verify(ctx context.Context, r *Repository, id string, up *upload, open *contentKeys, digest string) (string, error) {
	hashed, err := resumeHash(up.Hash)
	if err != nil {
		return "", err
	}
	sum := hex.EncodeToString(hashed.Sum(nil))
	actual := "sha256:" + sum
	if strings.HasPrefix(digest, "sha512:") {
		other := sha512.New()
		for i, part := range up.Segments {
			reader, file, err := s.openSegment(ctx, open, segmentName(r.ID, id, i, part.Run), part.Size)
			if err != nil {
				return "", err
			}
			_, err = io.CopyBuffer(struct{ io.Writer }{other}, struct{ io.Reader }{io.NewSectionReader(reader, 0, part.Size)}, make([]byte, copyBuffer))
			if err = errors.Join(err, file.Close()); err != nil {
				return "", err
			}
		}
		actual = "sha512:" + hex.EncodeToString(other.Sum(nil))
	}
	if actual != digest {
		return "", refuse(InvalidLayer, "The uploaded layer has the digest '%s', not '%s'", actual, digest)
	}
	return sum, nil
}

// addLayer ends an upload with its layer, or, where there is one of the digest already, without.
func (s *Service) addLayer(ctx context.Context, r *Repository, layer *Layer) (*Layer, error) {
	id := layer.Object.ID
	out := layer
	err := retry(func() error {
		there, _, err := get[Layer](ctx, s.store, layerKey(r.ID, layer.Digest))
		if err == nil {
			out = there
			return nil
		}
		if !errors.Is(err, meta.ErrNotFound) {
			return err
		}
		out = layer
		c := records.NewChange().At(layerKey(r.ID, layer.Digest), 0).Set(layerKey(r.ID, layer.Digest), layer)
		c.Set(uploadKey(r.ID, id), &upload{Ended: true, Digest: layer.Digest})
		if err := s.stillThere(ctx, r, c); err != nil {
			return err
		}
		return c.Commit(ctx, s.store)
	})
	if err != nil {
		return nil, err
	}
	if out != layer {
		return out, s.dropUpload(ctx, r.ID, id)
	}
	return out, s.endUpload(ctx, r.ID, id, layer)
}

// endUpload deletes what an upload leaves beside its layer, and then its record.
func (s *Service) endUpload(ctx context.Context, repo, id string, layer *Layer) error {
	if err := s.tidy(ctx, repo, &layer.Object); err != nil {
		return err
	}
	return records.NewChange().Clear(uploadKey(repo, id)).Commit(ctx, s.store)
}

// stillThere makes a commit fail if the repository has been deleted or changed since.
func (s *Service) stillThere(ctx context.Context, r *Repository, c *records.Change) error {
	key := repoKey(r.Region, r.Account, r.Name)
	now, revision, err := get[Repository](ctx, s.store, key)
	if errors.Is(err, meta.ErrNotFound) || err == nil && now.ID != r.ID {
		return noRepository(Name{r.Account, r.Name})
	}
	c.At(key, revision)
	return err
}

// tidy deletes what an upload leaves beside the segments of its layer: its keys, and segments of runs that failed.
func (s *Service) tidy(ctx context.Context, repo string, o *object) error {
	wanted := map[string]bool{}
	for i, part := range o.Segments {
		wanted[segmentName(repo, o.ID, i, part.Run)] = true
	}
	var stray []string
	err := s.blobs.List(ctx, blobPrefix(repo)+o.ID+"-", "", 0, func(name string, _ int64) error {
		if !wanted[name] {
			stray = append(stray, name)
		}
		return nil
	})
	for _, name := range stray {
		if gone := s.blobs.Delete(ctx, name); gone != nil && !errors.Is(gone, blob.ErrNotFound) {
			err = errors.Join(err, gone)
		}
	}
	return err
}

// StatLayer finds a layer without opening it.
func (s *Service) StatLayer(ctx context.Context, c kms.Caller, name Name, digest string) (*Layer, error) {
	return s.findLayer(ctx, c, name, digest, "ecr:BatchCheckLayerAvailability")
}

func (s *Service) findLayer(ctx context.Context, c kms.Caller, name Name, digest, action string) (*Layer, error) {
	r, _, err := s.repository(ctx, c, name, action)
	if err != nil {
		return nil, err
	}
	return s.layer(ctx, r, digest)
}

func (s *Service) layer(ctx context.Context, r *Repository, digest string) (*Layer, error) {
	if err := checkDigest(digest); err != nil {
		return nil, err
	}
	layer, _, err := get[Layer](ctx, s.store, layerKey(r.ID, digest))
	if errors.Is(err, meta.ErrNotFound) {
		return nil, refuse(LayerNotFound, "The layer with digest '%s' does not exist in the repository with name '%s' in the registry with id '%s'", digest, r.Name, r.Account)
	}
	return layer, err
}

// OpenLayer opens the content of a layer.
func (s *Service) OpenLayer(ctx context.Context, c kms.Caller, name Name, digest string) (*Content, error) {
	r, _, err := s.repository(ctx, c, name, "ecr:GetDownloadUrlForLayer")
	if err != nil {
		return nil, err
	}
	layer, err := s.layer(ctx, r, digest)
	if err != nil {
		return nil, err
	}
	return s.openContent(ctx, r, &layer.Object)
}

// DeleteLayer deletes a layer that no image has.
func (s *Service) DeleteLayer(ctx context.Context, c kms.Caller, name Name, digest string) error {
	r, _, err := s.repository(ctx, c, name, "ecr:BatchDeleteImage")
	if err != nil {
		return err
	}
	release, err := s.locks.Acquire(ctx, r.ID)
	if err != nil {
		return err
	}
	defer release()
	layer, err := s.layer(ctx, r, digest)
	if err != nil {
		return err
	}
	used, err := s.usedLayers(ctx, r.ID)
	if err != nil {
		return err
	}
	if used[digest] {
		return refuse(LayerInUse, "The layer with digest '%s' belongs to an image", digest)
	}
	return s.dropLayer(settled(ctx), r.ID, layer)
}

// dropLayer makes a layer an upload that nobody will continue, and drops that.
func (s *Service) dropLayer(ctx context.Context, repo string, layer *Layer) error {
	id := layer.Object.ID
	if err := records.NewChange().Clear(layerKey(repo, layer.Digest)).Set(uploadKey(repo, id), &upload{Ended: true}).Commit(ctx, s.store); err != nil {
		return err
	}
	return s.dropUpload(ctx, repo, id)
}
