package ec2

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"unicode/utf8"

	"coffer.example/internal/meta"
	"coffer.example/internal/meta/records"
	"coffer.example/kms"
	"coffer.example/snapshot"
)

// checkName checks an image's name and that the account has no other of that name.
func (s *Service) checkName(ctx context.Context, caller kms.Caller, name, description string) error {
	if n := utf8.RuneCountInString(name); n < minImageName || n > maxImageName {
		return refuse(ImageNameMalformed, "AMI names must be between %d and %d characters long, and may contain letters, numbers, '(', ')', '.', '-', '/', '_', ' ', '[', ']', ''', and '@'", minImageName, maxImageName)
	}
	if ok, _ := regexp.MatchString(`^[A-Za-z0-9 ()./_'@\[\]-]*$`, name); !ok { // the pattern is well formed
		return refuse(ImageNameMalformed, "AMI names must be between %d and %d characters long, and may contain letters, numbers, '(', ')', '.', '-', '/', '_', ' ', '[', ']', ''', and '@'", minImageName, maxImageName)
	}
	if utf8.RuneCountInString(description) > maxDescription {
		return refuse(InvalidParameter, "Description length exceeds the limit of %d characters.", maxDescription)
	}
	id, err := records.Get[string](ctx, s.store, imageNameKey(caller.Region, caller.Account, name))
	if err == nil {
		return refuse(ImageNameDuplicate, "AMI name %s is already in use by AMI %s", name, id.Value)
	}
	if errors.Is(err, meta.ErrNotFound) {
		return nil
	}
	return err
}

// RegisterImage makes an image of snapshots that exist.
func (s *Service) RegisterImage(ctx context.Context, caller kms.Caller, r ImageRequest) (Image, error) {
	if err := s.checkImage(ctx, caller, &r); err != nil {
		return Image{}, err
	}
	release, err := s.locks.Acquire(ctx, mappedSnapshots(r.Devices)...)
	if err != nil {
		return Image{}, err
	}
	defer release()
	image, err := s.newImage(caller, r)
	if err != nil {
		return Image{}, err
	}
	for _, m := range r.Devices {
		device, err := s.mapDevice(ctx, caller, m, image.RootDevice)
		if err != nil {
			return Image{}, err
		}
		if !m.NoDevice {
			image.Mappings = append(image.Mappings, device)
		}
	}
	if !slices.ContainsFunc(image.Mappings, func(d ImageDevice) bool { return d.Device == image.RootDevice && d.SnapshotID != "" }) {
		return Image{}, refuse(InvalidParameter, "Invalid root device: a mapping of %s with a snapshot is required", image.RootDevice)
	}
	if r.DryRun {
		return Image{}, errDryRun()
	}
	image.State = ImageAvailable
	return image, s.keepNewImage(ctx, image, newChange())
}

func (s *Service) checkImage(ctx context.Context, caller kms.Caller, r *ImageRequest) error {
	for _, check := range []struct {
		value   *string
		unset   string
		allowed []string
		name    string
	}{
		{&r.Architecture, "i386", []string{"i386", "x86_64", "arm64", "x86_64_mac", "arm64_mac"}, "architecture"},
		{&r.Virtualization, "paravirtual", []string{"hvm", "paravirtual"}, "virtualizationType"},
		{&r.BootMode, "", []string{"", "legacy-bios", "uefi", "uefi-preferred"}, "bootMode"},
		{&r.IMDSSupport, "", []string{"", "v2.0"}, "imdsSupport"},
	} {
		if *check.value == "" {
			*check.value = check.unset
		}
		if !slices.Contains(check.allowed, *check.value) {
			return refuse(InvalidParameter, "Invalid value '%s' for %s.", *check.value, check.name)
		}
	}
	if r.RootDevice == "" {
		r.RootDevice = "/dev/sda1"
	}
	if err := checkMappings(r.Devices); err != nil {
		return err
	}
	for _, tags := range []Tags{r.Tags, r.SnapshotTags} {
		if err := checkTags(tags); err != nil {
			return err
		}
	}
	return s.checkName(ctx, caller, r.Name, r.Description)
}

func checkMappings(devices []DeviceMapping) error {
	seen := map[string]bool{}
	for _, m := range devices {
		if err := checkDeviceName(m.Device); err != nil {
			return refuse(BlockDeviceMapping, "Invalid device name %s", m.Device)
		}
		if seen[m.Device] {
			return refuse(BlockDeviceMapping, "Device name %s is used several times", m.Device)
		}
		seen[m.Device] = true
	}
	if len(devices) > maxDevices {
		return refuse(BlockDeviceMapping, "At most %d block device mappings are allowed", maxDevices)
	}
	return nil
}

func mappedSnapshots(devices []DeviceMapping) []string {
	var out []string
	for _, m := range devices {
		if m.Spec.SnapshotID != "" {
			out = append(out, m.Spec.SnapshotID)
		}
	}
	return out
}

func (s *Service) newImage(caller kms.Caller, r ImageRequest) (Image, error) {
	id, err := newID(s.opts.Rand, imagePrefix)
	return Image{
		ID: id, Owner: caller.Account, Region: caller.Region, Name: r.Name, Description: r.Description,
		Architecture: r.Architecture, RootDevice: r.RootDevice, BootMode: r.BootMode, Virtualization: r.Virtualization,
		IMDSSupport: r.IMDSSupport, ENASupport: r.ENASupport, Created: s.now(), State: ImagePending, Tags: r.Tags,
	}, err
}

// mapDevice turns a mapping of RegisterImage, or of a new device of CreateImage, into an image's.
func (s *Service) mapDevice(ctx context.Context, caller kms.Caller, m DeviceMapping, root string) (ImageDevice, error) {
	if m.VirtualName != "" || m.NoDevice {
		return ImageDevice{Device: m.Device, VirtualName: m.VirtualName}, nil
	}
	spec, source, encrypted := m.Spec, snapshot.Empty, m.Spec.Encrypted == snapshot.True
	if spec.SnapshotID != "" {
		snap, err := s.usableSnapshot(ctx, caller, spec.SnapshotID)
		if err != nil {
			return ImageDevice{}, err
		}
		if snap.Owner != caller.Account {
			return ImageDevice{}, refuse(AuthFailure, "Not authorized for snapshot: %s", snap.ID)
		}
		if spec.SizeGiB == 0 {
			spec.SizeGiB = snap.SizeGiB
		}
		if spec.SizeGiB < snap.SizeGiB {
			return ImageDevice{}, refuse(BlockDeviceMapping, "Volume of size %dGB is smaller than snapshot '%s', expect size >= %dGB", spec.SizeGiB, snap.ID, snap.SizeGiB)
		}
		source, encrypted = sourceOf(&snap, caller), snap.Encrypted
	} else if spec.SizeGiB == 0 {
		return ImageDevice{}, refuse(BlockDeviceMapping, "Either snapshot ID or volume size must be provided for device %s", m.Device)
	}
	if err := checkMapping(m, source); err != nil {
		return ImageDevice{}, err
	}
	if err := spec.fill(); err != nil {
		return ImageDevice{}, err
	}
	return imageDevice(m, spec, encrypted, m.Device == root), nil
}

// checkMapping asks the decision table whether a mapping's parameters are allowed.
func checkMapping(m DeviceMapping, source snapshot.Source) error {
	if m.Spec.KeyID != "" {
		return refuse(InvalidParameter, "The parameter KmsKeyId is not supported in a block device mapping of an image.")
	}
	_, err := snapshot.Decide(snapshot.Request{Operation: snapshot.MapDevice, Source: source, Encrypted: m.Spec.Encrypted})
	if err != nil {
		return &Error{Reason: BlockDeviceMapping, Message: fmt.Sprintf("the encrypted flag cannot be specified for device %s: its encryption is that of its source", m.Device), Cause: err}
	}
	return nil
}

func imageDevice(m DeviceMapping, spec DeviceSpec, encrypted, root bool) ImageDevice {
	out := ImageDevice{
		Device: m.Device, SnapshotID: spec.SnapshotID, SizeGiB: spec.SizeGiB, Type: spec.Type,
		IOPS: spec.IOPS, Throughput: spec.Throughput, Encrypted: encrypted, DeleteOnTermination: root,
	}
	if m.DeleteOnTermination != nil {
		out.DeleteOnTermination = *m.DeleteOnTermination
	}
	if spec.Type == "gp2" { // its performance follows from its size
		out.IOPS = 0
	}
	return out
}

// keepNewImage commits an image with its indexes, in c. Its name must still be free.
func (s *Service) keepNewImage(ctx context.Context, image Image, c *change) error {
	c.keep(image, 0).write(ownerKey(image.ID), image.Owner)
	c.set(imageNameKey(image.Region, image.Owner, image.Name), 0, image.ID)
	for _, d := range image.Mappings {
		if d.SnapshotID != "" {
			c.write(imageUsePrefix(image.Region, d.SnapshotID)+image.ID, image.Owner)
		}
	}
	err := c.Commit(ctx, s.store)
	if errors.Is(err, meta.ErrConflict) {
		return refuse(ImageNameDuplicate, "AMI name %s is already in use", image.Name)
	}
	return err
}
