package ec2

import (
	"context"
	"slices"

	"coffer.example/kms"
)

// DeregisterImage removes an image. Its snapshots stay, unless alsoSnapshots removes
// those that no other image uses.
func (s *Service) DeregisterImage(ctx context.Context, caller kms.Caller, id string, alsoSnapshots, dryRun bool) error {
	if err := kindImage().check(id); err != nil {
		return err
	}
	release, err := s.locks.Acquire(ctx, id)
	if err != nil {
		return err
	}
	defer release()
	image, err := s.ownImage(ctx, caller, id)
	if HasReason(err, ImageNotFound) {
		return refuse(ImageUnavailable, "The image ID '%s' is no longer available", id)
	}
	if err != nil {
		return err
	}
	if image.Value.Protection {
		return refuse(NotPermitted, "The image '%s' is protected against deregistration.", id)
	}
	if dryRun {
		return errDryRun()
	}
	if err := s.removeImage(settled(ctx), image.Value); err != nil {
		return err
	}
	if alsoSnapshots {
		return s.removeUnused(settled(ctx), image.Value)
	}
	return nil
}

// removeImage takes an image, whose lock the caller holds, out of the catalogue.
func (s *Service) removeImage(ctx context.Context, image Image) error {
	if image.State != ImageDeleting {
		var err error
		if image, err = edit(ctx, s, image, func(i *Image) { i.State = ImageDeleting }); err != nil {
			return err
		}
	}
	grantees := image.LaunchAccounts
	if image.Public {
		grantees = append([]string{everyone}, grantees...)
	}
	for some := range slices.Chunk(grantees, commitResources) {
		c := newChange()
		for _, account := range some {
			c.clear(sharedKey(kindImage(), image.Region, account, image.ID))
		}
		if err := c.Commit(ctx, s.store); err != nil {
			return err
		}
	}
	c := newChange().drop(image).clear(ownerKey(image.ID)).clear(imageNameKey(image.Region, image.Owner, image.Name))
	for _, d := range image.Mappings {
		if d.SnapshotID != "" {
			c.clear(imageUsePrefix(image.Region, d.SnapshotID) + image.ID)
		}
	}
	return c.Commit(ctx, s.store)
}

// removeUnused deletes the snapshots of an image that is gone, but for those in use.
func (s *Service) removeUnused(ctx context.Context, image Image) error {
	for _, d := range image.Mappings {
		if d.SnapshotID == "" {
			continue
		}
		err := s.DeleteSnapshot(ctx, asOwner(ref{Region: image.Region, Owner: image.Owner}), d.SnapshotID, false)
		if err != nil && !HasReason(err, SnapshotInUse) && !HasReason(err, SnapshotNotFound) {
			return err
		}
	}
	return nil
}
