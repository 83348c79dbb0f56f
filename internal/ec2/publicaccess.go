package ec2

import (
	"context"
	"errors"

	"coffer.example/internal/meta"
	"coffer.example/internal/meta/records"
	"coffer.example/kms"
)

// PublicAccess says whether an account's snapshots in a Region may be shared with everyone.
type PublicAccess string

// The states of PublicAccess.
const (
	Unblocked       PublicAccess = "unblocked"
	BlockNewSharing PublicAccess = "block-new-sharing" // what is public stays so
	BlockAllSharing PublicAccess = "block-all-sharing" // what is public is the owner's only
)

// PublicAccess returns the account's state.
func (s *Service) PublicAccess(ctx context.Context, caller kms.Caller) (PublicAccess, error) {
	set, err := s.settings(ctx, caller)
	if err != nil || set.Value.PublicAccess == "" {
		return Unblocked, err
	}
	return set.Value.PublicAccess, nil
}

// SetPublicAccess changes the account's state.
func (s *Service) SetPublicAccess(ctx context.Context, caller kms.Caller, state PublicAccess) error {
	return s.changeSettings(ctx, caller, func(set *settings) { set.PublicAccess = state })
}

// hidden says whether an account hides its public snapshots from others.
func (s *Service) hidden(ctx context.Context, region, owner string) (bool, error) {
	set, err := records.Get[settings](ctx, s.store, settingsKey(region, owner))
	if errors.Is(err, meta.ErrNotFound) {
		return false, nil
	}
	return set.Value.PublicAccess == BlockAllSharing, err
}
