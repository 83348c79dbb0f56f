package ec2

import (
	"context"
	"errors"
	"maps"
	"slices"

	"coffer.example/internal/meta"
	"coffer.example/internal/meta/records"
)

// Health is an optional second interface of an Engine.
type Health interface {
	// Failed says why an open volume answers only errors, or nil.
	Failed(volumeID string) error
}

// failedReason is what the API says of a volume that has failed; the log says why.
const failedReason = "the volume has failed; it works again when it is detached and attached"

// withHealth returns a volume as it is at this moment: impaired, too, where its engine has failed it.
func (s *Service) withHealth(v Volume) Volume {
	health, ok := s.engine.(Health)
	if a := v.Attachment; !ok || a == nil || a.Impaired != "" || health.Failed(v.ID) == nil {
		return v
	}
	a := *v.Attachment
	a.Impaired = failedReason
	v.Attachment = &a
	return v
}

// setImpaired keeps the set of volumes whose export is absent.
func (s *Service) setImpaired(v Volume, impaired bool) {
	_, at := v.at()
	s.mu.Lock()
	defer s.mu.Unlock()
	if impaired {
		s.impaired[v.ID] = at
	} else {
		delete(s.impaired, v.ID)
	}
}

// retryImpaired tries to open every volume whose export is absent.
func (s *Service) retryImpaired(ctx context.Context) {
	s.mu.Lock()
	waiting := slices.Collect(maps.Values(s.impaired))
	s.mu.Unlock()
	for _, at := range waiting {
		if ctx.Err() != nil {
			return
		}
		if err := s.retryOne(ctx, at); err != nil {
			s.log.Warn("impaired volume stays closed", "volume", at.ID, "error", err)
		}
	}
}

func (s *Service) retryOne(ctx context.Context, at ref) error {
	release, err := s.locks.Acquire(ctx, at.ID)
	if err != nil {
		return err
	}
	defer release()
	v, err := records.Get[Volume](ctx, s.store, at.key(kindVolume()))
	if errors.Is(err, meta.ErrNotFound) {
		s.setImpaired(Volume{ID: at.ID}, false)
		return nil
	}
	if err != nil {
		return err
	}
	if a := v.Value.Attachment; a == nil || a.State != Attached || !a.Serving || a.Impaired == "" {
		s.setImpaired(v.Value, false)
		return nil
	}
	return s.reopen(ctx, v.Value)
}

// reopen opens an attached volume through its grant, as at start-up. A refusal leaves
// the volume in use and impaired; the error returned is only about records.
func (s *Service) reopen(ctx context.Context, v Volume) error {
	refusal := s.open(ctx, v)
	reason := ""
	if refusal != nil {
		if reason = keyReason(refusal); classify(refusal) == notKeyFailure {
			reason = "the volume could not be opened"
			s.log.Error("volume not opened", "volume", v.ID, "error", refusal)
		}
	}
	s.setImpaired(v, refusal != nil)
	if reason == v.Attachment.Impaired {
		return nil
	}
	_, err := edit(ctx, s, v, func(v *Volume) { v.Attachment.Impaired = reason })
	return err
}
