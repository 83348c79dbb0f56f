package ec2

import (
	"context"
	"regexp"
	"slices"

	"coffer.example/kms"
	"coffer.example/snapshot"
)

// LaunchRequest is RunInstances' request.
type LaunchRequest struct {
	ImageID               string
	MinCount, MaxCount    int
	Type                  string
	KeyName               string
	Zone, ZoneID          string
	SubnetID              string
	GroupIDs              []string
	PrivateIP             string
	UserData              []byte
	ShutdownBehavior      string
	TerminationProtection bool
	StopProtection        bool
	EBSOptimized          bool
	DetailedMonitoring    bool
	CPUCredits            string
	Metadata              MetadataOptions
	Devices               []DeviceMapping
	Tags, VolumeTags      Tags
	ClientToken           string `json:"-"`
	DryRun                bool   `json:"-"`
}

// launchDevice is one volume that each instance of a launch gets.
type launchDevice struct {
	device              string
	deleteOnTermination bool
	plan                volumePlan
}

// RunInstances launches instances of an image. It answers with the state pending.
// A key that cannot be used ends an instance, with its reason, before the next call.
func (s *Service) RunInstances(ctx context.Context, caller kms.Caller, r LaunchRequest) ([]Instance, error) {
	token, sum, made, err := s.idempotent(ctx, caller, "RunInstances", r.ClientToken, r)
	if err != nil {
		return nil, err
	}
	if made != nil {
		return s.madeBefore(ctx, caller, made)
	}
	image, zone, err := s.checkLaunch(ctx, caller, &r)
	if err != nil {
		return nil, err
	}
	devices, err := s.planLaunch(ctx, caller, image, r.Devices)
	if err != nil {
		return nil, err
	}
	if r.DryRun {
		return nil, errDryRun()
	}
	launch, err := s.newLaunch(caller, r, image, zone)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, i := range launch {
		ids = append(ids, i.ID)
	}
	for n := range launch {
		if err := s.launchOne(ctx, caller, &launch[n], r, devices, func(c *change) {
			if n == 0 {
				c.use(token, sum, launch[0].Launched, ids...)
			}
		}); err != nil {
			return nil, err
		}
	}
	return launch, nil
}

func (s *Service) madeBefore(ctx context.Context, caller kms.Caller, ids []string) ([]Instance, error) {
	var out []Instance
	for _, id := range ids {
		i, err := owned[Instance](ctx, s, kindInstance(), caller, id)
		if HasReason(err, InstanceNotFound) {
			continue // its commit never happened, or its time is over
		}
		if err != nil {
			return nil, err
		}
		out = append(out, i.value)
	}
	return out, nil
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
		m := DeviceMapping{Device: d.Device, VirtualName: d.VirtualName, HasEBS: d.VirtualName == "", DeleteOnTermination: &d.DeleteOnTermination, Spec: DeviceSpec{
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

// newLaunch makes the records of a reservation's instances, without their devices.
func (s *Service) newLaunch(caller kms.Caller, r LaunchRequest, image Image, zone Zone) ([]Instance, error) {
	reservation, err := newID(s.opts.Rand, reservationPrefix)
	if err != nil {
		return nil, err
	}
	var out []Instance
	for n := range r.MaxCount {
		id, err := newID(s.opts.Rand, instancePrefix)
		if err != nil {
			return nil, err
		}
		ip := r.PrivateIP
		if ip == "" || n > 0 {
			ip = privateIP(zone, id)
		}
		out = append(out, Instance{
			ID: id, Reservation: reservation, Owner: caller.Account, Region: caller.Region, Zone: zone.Name,
			ImageID: image.ID, Type: r.Type, KeyName: r.KeyName, ClientToken: r.ClientToken, LaunchIndex: n,
			Launched: s.now(), State: InstancePending, Architecture: image.Architecture, RootDevice: image.RootDevice,
			PrivateIP: ip, SubnetID: r.SubnetID, GroupIDs: r.GroupIDs, UserData: r.UserData,
			ShutdownBehavior: r.ShutdownBehavior, TerminationProtection: r.TerminationProtection, StopProtection: r.StopProtection,
			EBSOptimized: r.EBSOptimized, DetailedMonitoring: r.DetailedMonitoring, CPUCredits: r.CPUCredits,
			Metadata: r.Metadata, Tags: r.Tags,
		})
	}
	return out, nil
}

// launchOne commits a pending instance with its creating volumes and brings it up.
// What fails then is the instance's end, not the request's.
func (s *Service) launchOne(ctx context.Context, caller kms.Caller, i *Instance, r LaunchRequest, devices []launchDevice, also func(*change)) error {
	ids := []string{i.ID}
	volumes := make([]Volume, len(devices))
	for n, d := range devices {
		v, err := s.newVolume(i.Region, i.Owner, i.Zone, d.plan)
		if err != nil {
			return err
		}
		v.Tags = r.VolumeTags
		v.Attachment = &Attachment{InstanceID: i.ID, Device: d.device, State: Attaching, Since: s.now(), DeleteOnTermination: d.deleteOnTermination, Serving: true}
		volumes[n] = v
		i.Devices = append(i.Devices, InstanceDevice{d.device, v.ID})
		ids = append(ids, lockIDs(v.ID, d.plan)...)
	}
	release, err := s.locks.acquire(ctx, ids...)
	if err != nil {
		return err
	}
	defer release()
	ctx = settled(ctx)
	c := newChange().keep(*i, 0)
	also(c)
	if err := c.commit(ctx, s.store); err != nil {
		return s.raced(err)
	}
	for n, v := range volumes {
		if failure, err := s.launchVolume(ctx, caller, v, devices[n].plan); err != nil {
			return err
		} else if failure != nil {
			return s.failLaunch(ctx, *i, failure)
		}
	}
	_, err = edit(ctx, s, *i, func(i *Instance) { i.State = InstanceRunning })
	return err
}

// launchVolume makes one volume and attaches it. failure is what ends the instance.
func (s *Service) launchVolume(ctx context.Context, caller kms.Caller, v Volume, plan volumePlan) (failure, err error) {
	if err := newChange().keep(v, 0).commit(ctx, s.store); err != nil {
		return nil, err
	}
	if failure, err = s.makeVolume(ctx, caller, v, plan); failure != nil || err != nil {
		return failure, err
	}
	grantID, failure := s.connect(ctx, caller, v)
	if failure != nil {
		return failure, nil
	}
	_, err = edit(ctx, s, v, func(v *Volume) { v.Attachment.State, v.Attachment.GrantID = Attached, grantID })
	return nil, err
}

// failLaunch ends an instance that could not start, with AWS's reason for it.
func (s *Service) failLaunch(ctx context.Context, i Instance, failure error) error {
	code, message := stateReason(failure)
	if classify(failure) == notKeyFailure {
		s.log.Error("launch failed", "instance", i.ID, "error", failure)
	}
	i, err := edit(ctx, s, i, func(i *Instance) { i.State, i.StateCode, i.StateMessage = InstanceShuttingDown, code, message })
	if err != nil {
		return err
	}
	return s.finishTerminate(ctx, i)
}

// stateReason is AWS's code and message for an instance that a key keeps from running.
func stateReason(failure error) (code, message string) {
	switch classify(failure) {
	case keyWrongState:
		return "Client.InvalidKMSKey.InvalidState", "The KMS key provided is in an incorrect state"
	case notKeyFailure:
		return "Server.InternalError", "Server.InternalError: Internal error on launch"
	}
	return "Client.InternalError", "Client.InternalError: Client error on launch"
}
