package ecr

import (
	"context"

	"coffer.example/internal/meta/records"
	"coffer.example/kms"
)

// Referrers lists the manifests with a subject, by digest: those of an artifact type
// (empty: of all) after one, as many as a page holds, and whether there are more.
func (s *Service) Referrers(ctx context.Context, c kms.Caller, name Name, subject, artifactType, after string) (out []Descriptor, more bool, err error) {
	r, _, err := s.repository(ctx, c, name, actionPull)
	if err != nil {
		return nil, false, err
	}
	start := ""
	if after != "" {
		start = referrerKey(r.ID, subject, after)
	}
	var page []referrer
	size := 0
	err = scan(ctx, s.store, referrerPrefix(r.ID, subject), start, func(_ string, one *referrer) error {
		if artifactType != "" && one.ArtifactType != artifactType {
			return nil
		}
		size += annotationsSize(one.Annotations) + one.Apart
		if len(page) == maxReferrersPage || len(page) > 0 && size > maxReferrersBytes {
			more = true
			return records.ErrStop
		}
		page = append(page, *one)
		return nil
	})
	for i := range page {
		if err == nil && page[i].Apart > 0 {
			page[i].Annotations, err = s.annotations(ctx, r, page[i].Digest)
		}
		out = append(out, page[i].Descriptor)
	}
	return out, more, err
}

// annotations reads the annotations of a manifest from its content.
func (s *Service) annotations(ctx context.Context, r *Repository, digest string) (map[string]string, error) {
	image, err := s.image(ctx, r, ImageID{Digest: digest})
	if HasReason(err, ImageNotFound) {
		return nil, nil // it was deleted since
	}
	if err != nil {
		return nil, err
	}
	content, err := s.readManifest(ctx, r, image)
	if err != nil {
		return nil, err
	}
	m, err := parseManifest(content, image.MediaType)
	if err != nil {
		return nil, err
	}
	return m.annotations, nil
}
