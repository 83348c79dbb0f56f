package ec2

import (
	"context"
	"errors"
	"slices"

	"coffer.example/kms"
	"coffer.example/snapshot"
)

// CopyImageRequest is CopyImage's request; the caller's Region is the destination.
type CopyImageRequest struct {
	SourceRegion, SourceID string
	Name, Description      string
	Encrypted              snapshot.Flag
	KeyID                  string
	CopyTags               bool
	Tags, SnapshotTags     Tags
	ClientToken            string `json:"-"`
	DryRun                 bool   `json:"-"`
}

// CopyImage copies an image and its snapshots, all under the one key that the
// decision table names for each. Launch permissions are not copied.
func (s *Service) CopyImage(ctx context.Context, caller kms.Caller, r CopyImageRequest) (Image, error) {
	token, sum, made, err := s.idempotent(ctx, caller, "CopyImage", r.ClientToken, r)
	if err != nil {
		return Image{}, err
	}
	if made != nil {
		image, err := owned[Image](ctx, s, kindImage(), caller, made[0])
		return image.Value, err
	}
	source, err := s.copySource(ctx, caller, r)
	if err != nil {
		return Image{}, err
	}
	image := source
	if image.ID, err = newID(s.opts.Rand, imagePrefix); err != nil {
		return Image{}, err
	}
	image.Owner, image.Region, image.Name, image.Description = caller.Account, caller.Region, r.Name, r.Description
	image.Public, image.LaunchAccounts, image.Protection = false, nil, false
	image.SourceImageID, image.SourceRegion, image.SourceInstanceID = source.ID, source.Region, ""
	image.Created, image.State, image.Mappings = s.now(), ImagePending, slices.Clone(source.Mappings)
	if image.Tags = r.Tags; r.CopyTags && source.Owner == caller.Account {
		image.Tags = Tags{}
		for _, set := range []Tags{source.Tags, r.Tags} {
			for key, value := range set {
				image.Tags[key] = value
			}
		}
	}
	if err := s.copyDevices(ctx, caller, r, source, &image); err != nil {
		return Image{}, errors.Join(err, s.dropCopied(settled(ctx), source, image))
	}
	return image, s.settleNewImage(ctx, image, newChange().use(token, sum, s.now(), image.ID))
}

// copySource finds and checks what is to be copied.
func (s *Service) copySource(ctx context.Context, caller kms.Caller, r CopyImageRequest) (Image, error) {
	there := caller
	if there.Region = r.SourceRegion; !KnownRegion(there.Region) {
		return Image{}, refuse(InvalidParameter, "Value (%s) for parameter sourceRegion is invalid. Unknown Region.", r.SourceRegion)
	}
	source, err := s.findImage(ctx, there, r.SourceID)
	if err != nil {
		return source, err
	}
	if source.State != ImageAvailable {
		return source, refuse(ImageUnavailable, "The image ID '%s' is not available", r.SourceID)
	}
	for _, tags := range []Tags{r.Tags, r.SnapshotTags} {
		if err := checkTags(tags); err != nil {
			return source, err
		}
	}
	if err := s.checkName(ctx, caller, r.Name, r.Description); err != nil {
		return source, err
	}
	for _, d := range source.Mappings {
		if d.SnapshotID == "" {
			continue
		}
		snap, err := s.usableSnapshot(ctx, there, d.SnapshotID)
		if HasReason(err, SnapshotNotFound) {
			return source, refuse(InvalidParameter, "You do not have permission to access the storage of this ami")
		}
		if err != nil {
			return source, err
		}
		if _, err := s.decide(ctx, caller, snapshot.Request{Operation: snapshot.CopyImage, Source: sourceOf(&snap, caller), Encrypted: r.Encrypted}, r.KeyID, &snap); err != nil {
			return source, err
		}
	}
	if r.DryRun {
		return source, errDryRun()
	}
	return source, nil
}

// copyDevices starts a copy of each snapshot and enters it in the new image.
func (s *Service) copyDevices(ctx context.Context, caller kms.Caller, r CopyImageRequest, source Image, image *Image) error {
	for n, d := range source.Mappings {
		if d.SnapshotID == "" {
			continue
		}
		snap, err := s.copyForImage(ctx, caller, r, d.SnapshotID, image.ID)
		if err != nil {
			return err
		}
		image.Mappings[n].SnapshotID, image.Mappings[n].Encrypted = snap.ID, snap.Encrypted
	}
	return nil
}

func (s *Service) copyForImage(ctx context.Context, caller kms.Caller, r CopyImageRequest, id, imageID string) (Snapshot, error) {
	release, source, err := s.lockSource(ctx, caller, r.SourceRegion, id)
	if err != nil {
		return Snapshot{}, err
	}
	defer release()
	request := snapshot.Request{Operation: snapshot.CopyImage, Source: sourceOf(&source, caller), Encrypted: r.Encrypted}
	key, err := s.decide(ctx, caller, request, r.KeyID, &source)
	if err != nil {
		return Snapshot{}, err
	}
	description := "Copied for DestinationAmi " + imageID + " from SourceAmi " + r.SourceID + " for SourceSnapshot " + id + "."
	snap, err := s.copyOf(caller, source, key, description, r.SnapshotTags)
	if err != nil {
		return Snapshot{}, err
	}
	if err := newChange().keep(snap, 0).write(ownerKey(snap.ID), snap.Owner).Commit(ctx, s.store); err != nil {
		return Snapshot{}, s.raced(err)
	}
	return snap, s.startCopy(settled(ctx), caller, snap, key)
}

// dropCopied deletes the copies that were started for an image before one failed.
func (s *Service) dropCopied(ctx context.Context, source, image Image) error {
	made := image
	made.Mappings = nil
	for n, d := range image.Mappings {
		if d.SnapshotID != source.Mappings[n].SnapshotID {
			made.Mappings = append(made.Mappings, d)
		}
	}
	return s.dropSnapshots(ctx, made)
}
