package ec2

import (
	"context"
	"slices"

	"coffer.example/kms"
)

// ShareChange adds and removes the accounts that may use a snapshot or image.
type ShareChange struct {
	Add, Remove             []string // account ids
	AddPublic, RemovePublic bool
}

func (c *ShareChange) check() error {
	if len(c.Add)+len(c.Remove) > maxShareChanges {
		return refuse(InvalidParameter, "At most %d accounts can be changed at once", maxShareChanges)
	}
	for _, account := range slices.Concat(c.Add, c.Remove) {
		if len(account) != 12 || !digits(account) {
			return refuse(InvalidAttribute, "Invalid account id: %s", account)
		}
	}
	return nil
}

func digits(s string) bool {
	for _, c := range s {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// apply changes a resource's list of accounts and its public flag. added and removed
// are whose index entries come and go; they may be there, or gone, already.
func (c *ShareChange) apply(owner string, accounts []string, public bool) (now []string, nowPublic bool, added, removed []string) {
	nowPublic, removed = public, slices.Clone(c.Remove)
	now = slices.DeleteFunc(slices.Clone(accounts), func(a string) bool { return slices.Contains(c.Remove, a) })
	for _, account := range c.Add {
		if account == owner {
			continue
		}
		added = append(added, account)
		if !slices.Contains(now, account) {
			now = append(now, account)
		}
	}
	slices.Sort(now)
	switch {
	case c.AddPublic:
		nowPublic, added = true, append(added, everyone)
	case c.RemovePublic:
		nowPublic, removed = false, append(removed, everyone)
	}
	return now, nowPublic, added, removed
}

// commitShares writes a resource and the index of whom it is shared with. The record
// is written before entries are added and after entries are removed, so that there is
// never an entry, which findShared follows, without the right in the record.
func (s *Service) commitShares(ctx context.Context, r resource, revision uint64, added, removed []string) error {
	k, at := r.at()
	removed = slices.DeleteFunc(removed, func(a string) bool { return slices.Contains(added, a) })
	for some := range slices.Chunk(removed, commitResources) {
		c := newChange()
		for _, account := range some {
			c.clear(sharedKey(k, at.Region, account, at.ID))
		}
		if err := c.Commit(ctx, s.store); err != nil {
			return err
		}
	}
	if err := newChange().keep(r, revision).Commit(ctx, s.store); err != nil {
		return s.raced(err)
	}
	for some := range slices.Chunk(added, commitResources) {
		c := newChange()
		for _, account := range some {
			c.write(sharedKey(k, at.Region, account, at.ID), at.Owner)
		}
		if err := c.Commit(ctx, s.store); err != nil {
			return err
		}
	}
	return nil
}

// ModifySnapshotSharing changes who may make volumes of a snapshot.
func (s *Service) ModifySnapshotSharing(ctx context.Context, caller kms.Caller, id string, change ShareChange, dryRun bool) error {
	if err := change.check(); err != nil {
		return err
	}
	if err := kindSnapshot().check(id); err != nil {
		return err
	}
	release, err := s.locks.Acquire(ctx, id)
	if err != nil {
		return err
	}
	defer release()
	snap, err := s.ownSnapshot(ctx, caller, id)
	if err != nil {
		return err
	}
	adds := change.AddPublic || len(change.Add) > 0
	switch {
	case adds && snap.Value.ManagedKey:
		return refuse(NotPermitted, "Encrypted snapshots with EBS default key cannot be shared")
	case change.AddPublic && snap.Value.Encrypted:
		return refuse(NotPermitted, "Encrypted snapshots cannot be shared publicly")
	}
	if change.AddPublic {
		if state, err := s.PublicAccess(ctx, caller); err != nil {
			return err
		} else if state != Unblocked {
			return refuse(NotPermitted, "Public sharing of snapshots is blocked for this account in this Region.")
		}
	}
	var added, removed []string
	v := snap.Value
	v.Shares, v.Public, added, removed = change.apply(v.Owner, v.Shares, v.Public)
	if len(v.Shares) > maxShares {
		return refuse(InvalidParameter, "A snapshot can be shared with at most %d accounts", maxShares)
	}
	if dryRun {
		return errDryRun()
	}
	return s.commitShares(settled(ctx), v, snap.Revision, added, removed)
}

// ownSnapshot finds a snapshot that the caller may change.
func (s *Service) ownSnapshot(ctx context.Context, caller kms.Caller, id string) (stored[Snapshot], error) {
	snap, err := owned[Snapshot](ctx, s, kindSnapshot(), caller, id)
	if err == nil && snap.Value.State == SnapshotDeleting {
		err = kindSnapshot().missing(id)
	}
	if HasReason(err, SnapshotNotFound) {
		if _, visible := s.findSnapshot(ctx, caller, id); visible == nil {
			return snap, refuse(AuthFailure, "The snapshot '%s' is not owned by you.", id)
		}
	}
	return snap, err
}

// SnapshotSharing returns a snapshot of the caller, whose Shares and Public say who may use it.
func (s *Service) SnapshotSharing(ctx context.Context, caller kms.Caller, id string) (Snapshot, error) {
	snap, err := s.ownSnapshot(ctx, caller, id)
	return snap.Value, err
}

// ModifyImageSharing changes who may launch an image.
func (s *Service) ModifyImageSharing(ctx context.Context, caller kms.Caller, id string, change ShareChange, dryRun bool) error {
	if err := change.check(); err != nil {
		return err
	}
	return s.modifyImage(ctx, caller, id, dryRun, func(i *Image) (added, removed []string, err error) {
		if change.AddPublic || len(change.Add) > 0 {
			if err := s.checkImageSharing(ctx, *i, change.AddPublic); err != nil {
				return nil, nil, err
			}
		}
		i.LaunchAccounts, i.Public, added, removed = change.apply(i.Owner, i.LaunchAccounts, i.Public)
		if len(i.LaunchAccounts) > maxShares {
			err = refuse(InvalidParameter, "An image can be shared with at most %d accounts", maxShares)
		}
		return added, removed, err
	})
}

// checkImageSharing refuses to share what nobody else could decrypt.
func (s *Service) checkImageSharing(ctx context.Context, image Image, public bool) error {
	owner := asOwner(ref{Region: image.Region, Owner: image.Owner})
	for _, d := range image.Mappings {
		if d.SnapshotID == "" {
			continue
		}
		snap, err := s.findSnapshot(ctx, owner, d.SnapshotID)
		if HasReason(err, SnapshotNotFound) {
			continue
		}
		switch {
		case err != nil:
			return err
		case snap.ManagedKey:
			return refuse(NotShareable, "Snapshots encrypted with the AWS Managed CMK can't be shared. Specify another snapshot.")
		case public && snap.Encrypted:
			return refuse(Unsupported, "Encrypted snapshots can't be shared publicly. Specify another snapshot.")
		}
	}
	return nil
}
