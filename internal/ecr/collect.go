package ecr

import (
	"context"
	"errors"

	"coffer.example/internal/meta"
	"coffer.example/internal/meta/records"
)

// Collect deletes layers that no image has, and uploads that nobody continues, once they
// are old enough, and at once what a crash has left of those that ended. It goes on with the next repository when one fails, and returns the first failure.
func (s *Service) Collect(ctx context.Context) error {
	var failed error
	after := ""
	for {
		repos, err := s.someRepositories(ctx, after)
		if err != nil || len(repos) == 0 {
			return first(failed, err)
		}
		for i := range repos {
			after = repoKey(repos[i].Region, repos[i].Account, repos[i].Name)
			failed = first(failed, s.collectUploads(ctx, &repos[i]))
			failed = first(failed, s.collectLayers(ctx, &repos[i]))
		}
	}
}

func first(failed, err error) error {
	if failed != nil {
		return failed
	}
	return err
}

func (s *Service) someRepositories(ctx context.Context, after string) (out []Repository, err error) {
	err = scan(ctx, s.store, repoPrefix, after, func(_ string, r *Repository) error {
		if out = append(out, *r); len(out) == maxBatch {
			return records.ErrStop
		}
		return nil
	})
	return out, err
}

func (s *Service) collectUploads(ctx context.Context, r *Repository) error {
	var old []string
	err := scan(ctx, s.store, uploadPrefix(r.ID), "", func(key string, up *upload) error {
		if s.now().Sub(up.Updated) > uploadIdle {
			old = append(old, lastPart(key))
		}
		return nil
	})
	for _, id := range old {
		err = first(err, s.expireUpload(ctx, r, id))
	}
	return err
}

// expireUpload drops an upload, unless it went on meanwhile.
func (s *Service) expireUpload(ctx context.Context, r *Repository, id string) error {
	release, err := s.locks.Acquire(ctx, id)
	if err != nil {
		return err
	}
	defer release()
	up, _, err := get[upload](ctx, s.store, uploadKey(r.ID, id))
	switch {
	case errors.Is(err, meta.ErrNotFound):
		return nil
	case err != nil:
		return err
	case s.now().Sub(up.Updated) <= uploadIdle:
		return nil
	}
	if up.Digest != "" {
		layer, _, err := get[Layer](ctx, s.store, layerKey(r.ID, up.Digest))
		if err == nil && layer.Object.ID == id {
			return s.endUpload(ctx, r.ID, id, layer)
		}
		if err != nil && !errors.Is(err, meta.ErrNotFound) {
			return err
		}
	}
	return s.dropUpload(ctx, r.ID, id)
}

func (s *Service) collectLayers(ctx context.Context, r *Repository) error {
	release, err := s.locks.Acquire(ctx, r.ID) // no image may come that has a layer on its way out
	if err != nil {
		return err
	}
	defer release()
	used, err := s.usedLayers(ctx, r.ID)
	if err != nil {
		return err
	}
	var unused []Layer
	err = scan(ctx, s.store, layerPrefix(r.ID), "", func(_ string, layer *Layer) error {
		if !used[layer.Digest] && s.now().Sub(layer.Created) > layerGrace {
			unused = append(unused, *layer)
		}
		return nil
	})
	for i := range unused {
		err = first(err, s.dropLayer(ctx, r.ID, &unused[i]))
	}
	return err
}

// usedLayers returns the digests that the images of a repository refer to. maxImages and maxDescriptors bound it.
func (s *Service) usedLayers(ctx context.Context, repo string) (map[string]bool, error) {
	used := map[string]bool{}
	err := scan(ctx, s.store, imagePrefix(repo), "", func(_ string, image *Image) error {
		for _, digest := range image.Layers {
			used[digest] = true
		}
		return nil
	})
	return used, err
}
