package ec2

import (
	"context"

	"coffer.example/kms"
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
		out = append(out, i.Value)
	}
	return out, nil
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
	release, err := s.locks.Acquire(ctx, ids...)
	if err != nil {
		return err
	}
	defer release()
	ctx = settled(ctx)
	c := newChange().keep(*i, 0)
	also(c)
	if err := c.Commit(ctx, s.store); err != nil {
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
	if err := newChange().keep(v, 0).Commit(ctx, s.store); err != nil {
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
