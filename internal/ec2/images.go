package ec2

import (
	"context"
	"errors"

	"coffer.example/internal/meta"
	"coffer.example/internal/meta/records"
	"coffer.example/kms"
)

// AmazonAccount is the owner of the built-in images; clients name it "amazon".
const AmazonAccount = "137112412989"

// builtinImage is the public image of a Region that has no block device at all: what
// an instance needs when only volumes are to be attached to it.
func builtinImage(region string) Image {
	return Image{
		ID: imagePrefix + hash("coffer empty image " + region)[:idDigits], Owner: AmazonAccount, Region: region,
		Name: "coffer-empty", Description: "An image without block devices: its instances only attach volumes",
		Architecture: "x86_64", RootDevice: "/dev/xvda", Virtualization: "hvm", ENASupport: true,
		State: ImageAvailable, Public: true, Tags: Tags{},
	}
}

// EmptyImageID is the id of a Region's public image without block devices.
func EmptyImageID(region string) string { return builtinImage(region).ID }

// ImageRequest is RegisterImage's request, and with InstanceID CreateImage's.
type ImageRequest struct {
	Name, Description string
	InstanceID        string // CreateImage only
	Architecture      string
	RootDevice        string
	BootMode          string
	Virtualization    string
	IMDSSupport       string
	ENASupport        bool
	Devices           []DeviceMapping
	Tags              Tags // of the image
	SnapshotTags      Tags // of the snapshots that CreateImage makes
	DryRun            bool
}

// DeviceMapping is a block device mapping of a request.
type DeviceMapping struct {
	Device, VirtualName string
	NoDevice            bool
	Spec                DeviceSpec
	DeleteOnTermination *bool
}

// findImage finds an image that the caller may launch. It is as it is now: pending
// until its snapshots are there.
func (s *Service) findImage(ctx context.Context, caller kms.Caller, id string) (Image, error) {
	if builtin := builtinImage(caller.Region); id == builtin.ID {
		return builtin, nil
	}
	out, err := findShared[Image](ctx, s, kindImage(), caller, id)
	if err == nil && (out.State == ImageDeleting || out.State == ImageDisabled && out.Owner != caller.Account) {
		return out, kindImage().missing(id)
	}
	if err != nil {
		return out, err
	}
	return s.refreshedImage(ctx, out)
}

// ownImage finds an image that the caller may change.
func (s *Service) ownImage(ctx context.Context, caller kms.Caller, id string) (stored[Image], error) {
	if id == builtinImage(caller.Region).ID {
		return stored[Image]{}, refuse(AuthFailure, "Not authorized for image:%s", id)
	}
	out, err := owned[Image](ctx, s, kindImage(), caller, id)
	if err == nil && out.Value.State == ImageDeleting {
		return out, kindImage().missing(id)
	}
	if HasReason(err, ImageNotFound) {
		if _, visible := s.findImage(ctx, caller, id); visible == nil {
			return out, refuse(AuthFailure, "Not authorized for image:%s", id)
		}
	}
	return out, err
}

// refreshedImage returns an image as it is now: a pending one follows its snapshots.
func (s *Service) refreshedImage(ctx context.Context, image Image) (Image, error) {
	if image.State != ImagePending {
		return image, nil
	}
	owner := kms.Caller{Account: image.Owner, Region: image.Region}
	failed := false
	for _, d := range image.Mappings {
		if d.SnapshotID == "" {
			continue
		}
		snap, err := s.findSnapshot(ctx, owner, d.SnapshotID)
		switch {
		case HasReason(err, SnapshotNotFound), err == nil && snap.State == SnapshotError:
			failed = true
		case err != nil:
			return image, err
		case snap.State == SnapshotPending:
			return image, nil
		}
	}
	_, at := image.at()
	now, err := records.Get[Image](ctx, s.store, at.key(kindImage()))
	if err != nil || now.Value.State != ImagePending {
		return now.Value, err
	}
	if now.Value.State = ImageAvailable; failed {
		now.Value.State, now.Value.StateCode = ImageFailed, "Client.InternalError"
		now.Value.StateMessage = imageFailure(now.Value)
	}
	err = newChange().keep(now.Value, now.Revision).Commit(ctx, s.store)
	if errors.Is(err, meta.ErrConflict) {
		now, err = records.Get[Image](ctx, s.store, at.key(kindImage()))
	}
	return now.Value, err
}

func imageFailure(image Image) string {
	if image.SourceImageID != "" {
		return "Copy image failed with an internal error"
	}
	return "Create image failed with an internal error"
}
