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
	release, err := s.locks.acquire(ctx, r.InstanceID)
	if err != nil {
		return Image{}, err
	}
	defer release()
	i, err := owned[Instance](ctx, s, kindInstance(), caller, r.InstanceID)
	if err != nil {
		return Image{}, err
	}
	if i.value.State != InstanceRunning && i.value.State != InstanceStopped {
		return Image{}, refuse(IncorrectState, "Instance '%s' is not in state 'running' or 'stopped'.", r.InstanceID)
	}
	r.Architecture, r.RootDevice, r.ENASupport = i.value.Architecture, i.value.RootDevice, true
	image, err := s.newImage(caller, r)
	if err != nil {
		return Image{}, err
	}
	image.SourceInstanceID = r.InstanceID
	volumes, err := s.imageDevices(ctx, caller, r, i.value, &image)
	if err != nil {
		return Image{}, err
	}
	if r.DryRun {
		return Image{}, errDryRun()
	}
	if err := s.snapshotForImage(ctx, caller, r, &image, volumes); err != nil {
		return Image{}, err
	}
	return image, s.settleNewImage(ctx, image)
}

// settleNewImage commits a pending image and looks once whether it is available.
func (s *Service) settleNewImage(ctx context.Context, image Image) error {
	if err := s.keepNewImage(settled(ctx), image); err != nil {
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
		device, err := volumeMapping(m, d.Device, v.value)
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
		return image.value, err
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
	if err := s.settleNewImage(ctx, image); err != nil {
		return Image{}, err
	}
	if token != "" {
		err = newChange().use(token, sum, s.now(), image.ID).commit(ctx, s.store)
	}
	return image, err
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
	if err := newChange().keep(snap, 0).write(ownerKey(snap.ID), snap.Owner).commit(ctx, s.store); err != nil {
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
