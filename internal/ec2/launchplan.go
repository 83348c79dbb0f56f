package ec2

import (
	"context"
	"regexp"
	"slices"

	"coffer.example/kms"
	"coffer.example/snapshot"
)

// launchDevice is one volume that each instance of a launch gets.
type launchDevice struct {
	device              string
	deleteOnTermination bool
	plan                volumePlan
}

// checkLaunch checks everything but the devices.
func (s *Service) checkLaunch(ctx context.Context, caller kms.Caller, r *LaunchRequest) (Image, Zone, error) {
	switch {
	case r.ImageID == "":
		return Image{}, Zone{}, refuse(MissingParameter, "The request must contain the parameter ImageId")
	case r.MinCount < 1 || r.MaxCount < r.MinCount:
		return Image{}, Zone{}, refuse(InvalidParameter, "Value (%d) for parameter minCount is invalid. It must be at least 1 and at most maxCount.", r.MinCount)
	case r.MinCount > maxLaunch:
		return Image{}, Zone{}, refuse(InstanceLimit, "You have requested more instances (%d) than one request allows: %d.", r.MinCount, maxLaunch)
	case len(r.UserData) > maxUserData:
		return Image{}, Zone{}, refuse(InvalidParameter, "User data is limited to %d bytes", maxUserData)
	}
	r.MaxCount = min(r.MaxCount, maxLaunch)
	if r.Type == "" {
		r.Type = "m1.small"
	}
	if !validType(r.Type) {
		return Image{}, Zone{}, refuse(InvalidParameter, "Invalid value '%s' for InstanceType.", r.Type)
	}
	for _, tags := range []Tags{r.Tags, r.VolumeTags} {
		if err := checkTags(tags); err != nil {
			return Image{}, Zone{}, err
		}
	}
	zone, err := s.launchZone(caller, r)
	if err != nil {
		return Image{}, Zone{}, err
	}
	if err := kindImage().check(r.ImageID); err != nil {
		return Image{}, Zone{}, err
	}
	image, err := s.findImage(ctx, caller, r.ImageID)
	if err == nil && image.State != ImageAvailable {
		err = refuse(ImageUnavailable, "The image ID '%s' is not available", r.ImageID)
	}
	return image, zone, err
}

// validType accepts the form of an instance type: every type is the same here.
func validType(name string) bool {
	ok, _ := regexp.MatchString(`^[a-z][a-z0-9-]{0,15}\.[a-z0-9-]{1,16}$`, name) // the pattern is well formed
	return ok
}

// launchZone is the zone of the subnet or placement asked for, and fills in the subnet and group.
func (s *Service) launchZone(caller kms.Caller, r *LaunchRequest) (Zone, error) {
	network := NetworkOf(caller.Account, caller.Region)
	if r.SubnetID != "" {
		for _, subnet := range network.Subnets {
			if subnet.ID == r.SubnetID && (r.Zone == "" || r.Zone == subnet.Zone.Name) {
				r.GroupIDs = network.groups(r.GroupIDs)
				return subnet.Zone, nil
			}
		}
		return Zone{}, refuse(ResourceNotFound, "The subnet ID '%s' does not exist", r.SubnetID)
	}
	zone, err := findZone(caller.Region, r.Zone, r.ZoneID)
	if err != nil {
		return zone, err
	}
	for _, subnet := range network.Subnets {
		if subnet.Zone == zone {
			r.SubnetID = subnet.ID
		}
	}
	r.GroupIDs = network.groups(r.GroupIDs)
	return zone, nil
}

// planLaunch merges the image's mappings with the request's and plans every volume.
func (s *Service) planLaunch(ctx context.Context, caller kms.Caller, image Image, asked []DeviceMapping) ([]launchDevice, error) {
	if err := checkMappings(asked); err != nil {
		return nil, err
	}
	var out []launchDevice
	for _, m := range mergeMappings(image, asked) {
		if m.NoDevice || m.VirtualName != "" {
			continue
		}
		if m.Spec.SnapshotID == "" && m.Spec.SizeGiB == 0 {
			return nil, refuse(BlockDeviceMapping, "Either snapshot ID or volume size must be provided for device %s", m.Device)
		}
		fromImage := slices.ContainsFunc(image.Mappings, func(d ImageDevice) bool { return d.SnapshotID != "" && d.SnapshotID == m.Spec.SnapshotID })
		plan, err := s.planFrom(ctx, caller, image, fromImage, m.Spec)
		if err != nil {
			return nil, err
		}
		out = append(out, launchDevice{m.Device, m.DeleteOnTermination == nil || *m.DeleteOnTermination, plan})
	}
	if len(out) > maxDevices {
		return nil, refuse(AttachmentLimit, "The maximum number of attachments of an instance is %d", maxDevices)
	}
	return out, nil
}

// planFrom plans a volume. The permission to launch an image is enough to make
// volumes of its snapshots, whoever they are shared with.
func (s *Service) planFrom(ctx context.Context, caller kms.Caller, image Image, fromImage bool, spec DeviceSpec) (volumePlan, error) {
	if !fromImage || image.Owner == caller.Account {
		return s.planVolume(ctx, caller, spec)
	}
	owner := kms.Caller{Account: image.Owner, Region: image.Region}
	source, err := s.usableSnapshot(ctx, owner, spec.SnapshotID)
	if err != nil {
		return volumePlan{}, err
	}
	return s.planVolumeOf(ctx, caller, spec, &source)
}

// mergeMappings lays the mappings of a request over those of an image, device by device.
func mergeMappings(image Image, asked []DeviceMapping) []DeviceMapping {
	var out []DeviceMapping
	overlaid := map[string]bool{}
	for _, d := range image.Mappings {
		m := DeviceMapping{Device: d.Device, VirtualName: d.VirtualName, DeleteOnTermination: &d.DeleteOnTermination, Spec: DeviceSpec{
			SnapshotID: d.SnapshotID, SizeGiB: d.SizeGiB, Type: d.Type, IOPS: d.IOPS, Throughput: d.Throughput,
		}}
		if d.SnapshotID == "" && d.Encrypted {
			m.Spec.Encrypted = snapshot.True
		}
		for _, a := range asked {
			if a.Device == d.Device {
				m.overlay(a)
				overlaid[a.Device] = true
			}
		}
		out = append(out, m)
	}
	for _, a := range asked {
		if !overlaid[a.Device] {
			out = append(out, a)
		}
	}
	return out
}

// overlay replaces what a names.
func (m *DeviceMapping) overlay(a DeviceMapping) {
	m.NoDevice, m.VirtualName = a.NoDevice, a.VirtualName
	if a.DeleteOnTermination != nil {
		m.DeleteOnTermination = a.DeleteOnTermination
	}
	if a.Spec.SnapshotID != "" && a.Spec.SnapshotID != m.Spec.SnapshotID {
		m.Spec.SnapshotID, m.Spec.SizeGiB = a.Spec.SnapshotID, 0
	}
	if a.Spec.SizeGiB != 0 {
		m.Spec.SizeGiB = a.Spec.SizeGiB
	}
	if a.Spec.Type != "" && a.Spec.Type != m.Spec.Type {
		m.Spec.Type, m.Spec.IOPS, m.Spec.Throughput = a.Spec.Type, 0, 0
	}
	if a.Spec.IOPS != 0 {
		m.Spec.IOPS = a.Spec.IOPS
	}
	if a.Spec.Throughput != 0 {
		m.Spec.Throughput = a.Spec.Throughput
	}
	if a.Spec.Encrypted != snapshot.Omitted {
		m.Spec.Encrypted = a.Spec.Encrypted
	}
	m.Spec.KeyID = a.Spec.KeyID
}
