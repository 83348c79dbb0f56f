package ec2

import (
	"context"
	"errors"
	"slices"

	"coffer.example/kms"
	"coffer.example/snapshot"
)

// CreateImage makes an image of an instance: a snapshot of each of its volumes, taken
// at one point in time and encrypted as its volume is. Mappings of the request
// change, drop or add devices.
func (s *Service) CreateImage(ctx context.Context, caller kms.Caller, r ImageRequest) (Image, error) {
	r.Architecture, r.Virtualization = "x86_64", "hvm"
	if err := s.checkImage(ctx, caller, &r); err != nil {
		return Image{}, err
	}
	if err := kindInstance().check(r.InstanceID); err != nil {
		return Image{}, err
	}
	release, err := s.locks.Acquire(ctx, r.InstanceID)
	if err != nil {
		return Image{}, err
	}
	defer release()
	i, err := owned[Instance](ctx, s, kindInstance(), caller, r.InstanceID)
	if err != nil {
		return Image{}, err
	}
	if i.Value.State != InstanceRunning && i.Value.State != InstanceStopped {
		return Image{}, refuse(IncorrectState, "Instance '%s' is not in state 'running' or 'stopped'.", r.InstanceID)
	}
	r.Architecture, r.RootDevice, r.ENASupport = i.Value.Architecture, i.Value.RootDevice, true
	image, err := s.newImage(caller, r)
	if err != nil {
		return Image{}, err
	}
	image.SourceInstanceID = r.InstanceID
	volumes, err := s.imageDevices(ctx, caller, r, i.Value, &image)
	if err != nil {
		return Image{}, err
	}
	if r.DryRun {
		return Image{}, errDryRun()
	}
	if err := s.snapshotForImage(ctx, caller, r, &image, volumes); err != nil {
		return Image{}, err
	}
	return image, s.settleNewImage(ctx, image, newChange())
}

// settleNewImage commits a pending image, in c, and looks once whether it is available.
func (s *Service) settleNewImage(ctx context.Context, image Image, c *change) error {
	if err := s.keepNewImage(settled(ctx), image, c); err != nil {
		return errors.Join(err, s.dropSnapshots(settled(ctx), image))
	}
	_, err := s.refreshedImage(settled(ctx), image)
	return err
}

// dropSnapshots deletes the snapshots made for an image that could not be kept.
func (s *Service) dropSnapshots(ctx context.Context, image Image) error {
	owner := kms.Caller{Account: image.Owner, Region: image.Region}
	var errs []error
	for _, d := range image.Mappings {
		if d.SnapshotID != "" {
			errs = append(errs, s.DeleteSnapshot(ctx, owner, d.SnapshotID, false))
		}
	}
	return errors.Join(errs...)
}

// imageDevices lists the devices of a new image. volumes maps a device to the volume
// whose snapshot it will be.
func (s *Service) imageDevices(ctx context.Context, caller kms.Caller, r ImageRequest, i Instance, image *Image) (volumes map[string]string, err error) {
	volumes = map[string]string{}
	asked := map[string]DeviceMapping{}
	for _, m := range r.Devices {
		asked[m.Device] = m
	}
	for _, d := range i.Devices {
		m, ok := asked[d.Device]
		delete(asked, d.Device)
		if ok && (m.NoDevice || m.VirtualName != "" || m.Spec.SnapshotID != "") {
			asked[d.Device] = m // not this volume: a new mapping, below, or none
			continue
		}
		v, err := s.volume(ctx, caller, d.VolumeID)
		if err != nil {
			return nil, err
		}
		device, err := volumeMapping(m, d.Device, v.Value)
		if err != nil {
			return nil, err
		}
		image.Mappings = append(image.Mappings, device)
		volumes[d.Device] = d.VolumeID
	}
	for _, m := range r.Devices {
		if _, ok := asked[m.Device]; !ok || m.NoDevice {
			continue
		}
		device, err := s.mapDevice(ctx, caller, m, image.RootDevice)
		if err != nil {
			return nil, err
		}
		image.Mappings = append(image.Mappings, device)
	}
	return volumes, nil
}

// volumeMapping is an image's mapping of an instance's volume.
func volumeMapping(m DeviceMapping, name string, v Volume) (ImageDevice, error) {
	source := snapshot.PlainVolume
	if v.Encrypted {
		source = snapshot.EncryptedVolume
	}
	m.Device = name
	if err := checkMapping(m, source); err != nil {
		return ImageDevice{}, err
	}
	spec := DeviceSpec{SizeGiB: v.SizeGiB, Type: v.Type, IOPS: v.IOPS, Throughput: v.Throughput}
	if m.Spec.Type != "" {
		spec.Type, spec.IOPS, spec.Throughput = m.Spec.Type, m.Spec.IOPS, m.Spec.Throughput
	}
	if m.Spec.SizeGiB != 0 {
		spec.SizeGiB = m.Spec.SizeGiB
	}
	if spec.SizeGiB < v.SizeGiB {
		return ImageDevice{}, refuse(BlockDeviceMapping, "Volume of size %dGB is smaller than volume '%s', expect size >= %dGB", spec.SizeGiB, v.ID, v.SizeGiB)
	}
	if err := spec.fill(); err != nil {
		return ImageDevice{}, err
	}
	return imageDevice(m, spec, v.Encrypted, v.Attachment != nil && v.Attachment.DeleteOnTermination), nil
}

// snapshotForImage takes the snapshots and enters them in the mappings.
func (s *Service) snapshotForImage(ctx context.Context, caller kms.Caller, r ImageRequest, image *Image, volumes map[string]string) error {
	if len(volumes) == 0 {
		return nil
	}
	var ids []string
	for _, id := range volumes {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	snaps, err := s.takeSnapshots(ctx, caller, ids, false, func(v Volume) (string, Tags) {
		return "Created by CreateImage(" + r.InstanceID + ") for " + image.ID, r.SnapshotTags
	})
	if err != nil {
		return err
	}
	for n, d := range image.Mappings {
		for _, snap := range snaps {
			if volumes[d.Device] == snap.VolumeID {
				image.Mappings[n].SnapshotID = snap.ID
			}
		}
	}
	return nil
}
