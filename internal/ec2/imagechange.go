package ec2

import (
	"context"
	"time"
	"unicode/utf8"

	"coffer.example/kms"
)

// modifyImage changes an image of the caller under its lock.
func (s *Service) modifyImage(ctx context.Context, caller kms.Caller, id string, dryRun bool, change func(*Image) (added, removed []string, err error)) error {
	if err := kindImage().check(id); err != nil {
		return err
	}
	release, err := s.locks.Acquire(ctx, id)
	if err != nil {
		return err
	}
	defer release()
	image, err := s.ownImage(ctx, caller, id)
	if err != nil {
		return err
	}
	added, removed, err := change(&image.Value)
	if err != nil {
		return err
	}
	if dryRun {
		return errDryRun()
	}
	return s.commitShares(settled(ctx), image.Value, image.Revision, added, removed)
}

// ImageChange is a change of an image's attributes; nil fields stay what they are.
type ImageChange struct {
	Description, IMDSSupport *string
	Disabled, Protection     *bool
	DeprecationTime          *time.Time // zero: none
}

// ModifyImage changes attributes of an image of the caller.
func (s *Service) ModifyImage(ctx context.Context, caller kms.Caller, id string, r ImageChange, dryRun bool) error {
	return s.modifyImage(ctx, caller, id, dryRun, func(i *Image) (_, _ []string, err error) {
		if r.Description != nil {
			if utf8.RuneCountInString(*r.Description) > maxDescription {
				return nil, nil, refuse(InvalidParameter, "Description length exceeds the limit of %d characters.", maxDescription)
			}
			i.Description = *r.Description
		}
		if r.IMDSSupport != nil {
			if *r.IMDSSupport != "v2.0" {
				return nil, nil, refuse(InvalidParameter, "Invalid value '%s' for imdsSupport.", *r.IMDSSupport)
			}
			i.IMDSSupport = *r.IMDSSupport
		}
		if r.Protection != nil {
			i.Protection = *r.Protection
		}
		if r.DeprecationTime != nil {
			i.DeprecationTime = r.DeprecationTime.UTC().Truncate(time.Minute)
		}
		if r.Disabled != nil {
			return nil, nil, disable(i, *r.Disabled)
		}
		return nil, nil, nil
	})
}

// disable makes an image unlaunchable, or launchable again.
func disable(i *Image, disabled bool) error {
	from, to := ImageDisabled, ImageAvailable
	if disabled {
		from, to = to, from
	}
	if i.State != from && i.State != to {
		return refuse(IncorrectState, "The image '%s' is in the state '%s'.", i.ID, i.State)
	}
	i.State = to
	return nil
}

// OwnImage returns an image of the caller, whose LaunchAccounts and Public say who may launch it.
func (s *Service) OwnImage(ctx context.Context, caller kms.Caller, id string) (Image, error) {
	if err := kindImage().check(id); err != nil {
		return Image{}, err
	}
	image, err := s.ownImage(ctx, caller, id)
	return image.Value, err
}
