package rds

import (
	"context"
	"slices"

	"coffer.example/internal/iam"
	"coffer.example/internal/meta/records"
	"coffer.example/kms"
)

// ModifySharing lets accounts, or with "all" everyone, restore and copy a manual snapshot, and stops it.
func (s *Service) ModifySharing(ctx context.Context, c kms.Caller, kind Kind, name string, add, remove []string) (Snapshot, error) {
	snap, release, err := s.lockedSnapshot(ctx, c, kind, name)
	if err != nil {
		return snap, err
	}
	defer release()
	next, err := snap.share(add, remove)
	if err != nil {
		return snap, err
	}
	stored, err := records.Get[Snapshot](ctx, s.store, snap.key())
	if err != nil {
		return snap, err
	}
	stored.Value.Shares, stored.Value.Public = next.Shares, next.Public
	change := newChange().keep(stored.Value, stored.Revision)
	for _, account := range snap.grantees() {
		change.clear(sharedKey(snap, account))
	}
	for _, account := range next.grantees() {
		change.mark(sharedKey(snap, account))
	}
	return stored.Value, change.Commit(ctx, s.store)
}

// share returns a snapshot as it is to be shared.
func (s Snapshot) share(add, remove []string) (Snapshot, error) {
	shares := slices.Clone(s.Shares)
	for _, account := range append(slices.Clone(add), remove...) {
		if account != everyone && !iam.IsAccountID(account) {
			return s, invalid("Invalid account ID: %s", account)
		}
	}
	switch {
	case s.Automated():
		return s, refuse(SnapshotState, s.Kind, "Automated backups cannot be shared; copy %s and share the copy.", s.Name)
	case s.State != Available:
		return s, refuse(SnapshotState, s.Kind, "The snapshot %s is in %s state.", s.Name, s.State)
	case len(add) > 0 && s.ManagedKey:
		return s, refuse(SnapshotState, s.Kind, "Snapshots that are encrypted with the AWS managed key of RDS cannot be shared.")
	case s.KeyARN != "" && slices.Contains(add, everyone):
		return s, invalid("Encrypted snapshots cannot be shared with all accounts.")
	}
	for _, account := range add {
		switch {
		case account == everyone:
			s.Public = true
		case !slices.Contains(shares, account):
			shares = append(shares, account)
		}
	}
	for _, account := range remove {
		if account == everyone {
			s.Public = false
		}
		shares = slices.DeleteFunc(shares, func(have string) bool { return have == account })
	}
	if len(shares) > maxShares {
		return s, refuse(SharedSnapshotQuota, s.Kind, "You have exceeded the maximum number of %d accounts that you can share a manual snapshot with.", maxShares)
	}
	slices.Sort(shares)
	s.Shares = shares
	return s, nil
}

// grantees are the accounts, or everyone, that a snapshot is shared with.
func (s Snapshot) grantees() []string {
	if s.Public {
		return append([]string{everyone}, s.Shares...)
	}
	return s.Shares
}

// OwnSnapshot finds a snapshot of the caller by its name or ARN.
func (s *Service) OwnSnapshot(ctx context.Context, c kms.Caller, kind Kind, name string) (Snapshot, error) {
	return s.ownSnapshot(ctx, c, kind, name)
}
