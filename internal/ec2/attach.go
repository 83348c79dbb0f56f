package ec2

import (
	"context"
	"errors"
	"regexp"
	"slices"

	"coffer.example/internal/meta/records"
	"coffer.example/kms"
)

// AttachRequest is AttachVolume's request.
type AttachRequest struct {
	VolumeID, InstanceID, Device string
	DryRun                       bool
}

// AttachVolume attaches a volume to an instance. Unlike every other use of a key it
// fails at once if the key refuses, with the key store's reason.
func (s *Service) AttachVolume(ctx context.Context, caller kms.Caller, r AttachRequest) (Volume, error) {
	for k, id := range map[kind]string{kindInstance(): r.InstanceID, kindVolume(): r.VolumeID} {
		if err := k.check(id); err != nil {
			return Volume{}, err
		}
	}
	release, err := s.locks.Acquire(ctx, r.InstanceID, r.VolumeID)
	if err != nil {
		return Volume{}, err
	}
	defer release()
	v, err := s.volume(ctx, caller, r.VolumeID)
	if err != nil {
		return Volume{}, err
	}
	i, err := owned[Instance](ctx, s, kindInstance(), caller, r.InstanceID)
	if err != nil {
		return Volume{}, err
	}
	if err := checkAttach(v.Value, i.Value, r.Device); err != nil {
		return Volume{}, err
	}
	if r.DryRun {
		return Volume{}, errDryRun()
	}
	v.Value.State = VolumeInUseNow
	v.Value.Attachment = &Attachment{
		InstanceID: i.Value.ID, Device: r.Device, State: Attaching, Since: s.now(),
		Serving: i.Value.State == InstanceRunning,
	}
	i.Value.Devices = append(slices.Clone(i.Value.Devices), InstanceDevice{r.Device, v.Value.ID})
	if err := newChange().keep(v.Value, v.Revision).keep(i.Value, i.Revision).Commit(ctx, s.store); err != nil {
		return Volume{}, s.raced(err)
	}
	return v.Value, s.finishAttach(settled(ctx), caller, v.Value, i.Value)
}

// finishAttach opens an attaching volume and records it as attached, or undoes the attachment.
func (s *Service) finishAttach(ctx context.Context, caller kms.Caller, v Volume, i Instance) error {
	grantID := ""
	if v.Attachment.Serving {
		var err error
		if grantID, err = s.connect(ctx, caller, v); err != nil {
			return errors.Join(keyRefusal(err), s.undoAttach(ctx, v, i))
		}
	}
	_, err := edit(ctx, s, v, func(v *Volume) { v.Attachment.State, v.Attachment.GrantID = Attached, grantID })
	return err
}

// undoAttach makes a volume available again and its device name free.
func (s *Service) undoAttach(ctx context.Context, v Volume, i Instance) error {
	_, at := v.at()
	now, err := records.Get[Volume](ctx, s.store, at.key(kindVolume()))
	if err != nil {
		return err
	}
	now.Value.State, now.Value.Attachment = VolumeAvailable, nil
	c := newChange().keep(now.Value, now.Revision)
	instance, err := s.withoutDevice(ctx, i, v.ID)
	if err != nil {
		return err
	}
	if instance.Revision != 0 {
		c.keep(instance.Value, instance.Revision)
	}
	return c.Commit(ctx, s.store)
}

// connect makes the grant as the caller, opens the volume as the instance's role,
// which only that grant lets in, and publishes it. On failure nothing of it remains.
func (s *Service) connect(ctx context.Context, caller kms.Caller, v Volume) (grantID string, err error) {
	if v.Encrypted {
		grantID, err = s.kms.CreateGrant(ctx, forService(caller), attachGrant(v, ""))
	}
	refused := err != nil && classify(err) != notKeyFailure
	if err == nil {
		err = s.open(ctx, v)
	}
	if err != nil && v.Encrypted && !refused { // without an id, a grant whose making failed half-way is looked for
		role := infrastructure(v.Region, v.Owner, v.Attachment.InstanceID)
		err = errors.Join(err, s.kms.RetireGrant(ctx, role, attachGrant(v, grantID)))
	}
	return grantID, err
}

// open has the engine open a volume through its grant, and publishes it.
func (s *Service) open(ctx context.Context, v Volume) error {
	role := infrastructure(v.Region, v.Owner, v.Attachment.InstanceID)
	err := s.engine.Attach(ctx, v.ID, s.kms.Keyring(role))
	if err == nil {
		err = s.exports.Publish(ctx, v.ID)
	}
	if err != nil {
		return errors.Join(err, s.engine.Detach(ctx, v.ID))
	}
	return nil
}

// disconnect undoes connect. Its export has no client any more, or force cuts them.
func (s *Service) disconnect(ctx context.Context, v Volume, force bool) error {
	s.setImpaired(v, false)
	if err := s.exports.Withdraw(ctx, v.ID, force); err != nil {
		return err
	}
	if err := s.engine.Detach(ctx, v.ID); err != nil {
		return err
	}
	if !v.Encrypted {
		return nil
	}
	role := infrastructure(v.Region, v.Owner, v.Attachment.InstanceID)
	return s.kms.RetireGrant(ctx, role, attachGrant(v, v.Attachment.GrantID))
}

func attachGrant(v Volume, id string) AttachGrant {
	return AttachGrant{KeyARN: v.KeyARN, VolumeID: v.ID, InstanceID: v.Attachment.InstanceID, ID: id}
}

func checkAttach(v Volume, i Instance, device string) error {
	if err := checkDeviceName(device); err != nil {
		return err
	}
	switch {
	case v.State == VolumeInUseNow:
		return refuse(VolumeInUse, "%s is already attached to an instance", v.ID)
	case v.State != VolumeAvailable:
		return refuse(IncorrectState, "%s is not 'available'.", v.ID)
	case i.State != InstanceRunning && i.State != InstanceStopped:
		return refuse(IncorrectState, "Instance '%s' is not 'running'.", i.ID)
	case v.Zone != i.Zone:
		return refuse(VolumeZoneMismatch, "The volume '%s' is not in the same availability zone as instance '%s'", v.ID, i.ID)
	case len(i.Devices) >= maxDevices:
		return refuse(AttachmentLimit, "The maximum number of attachments of instance '%s' is %d", i.ID, maxDevices)
	}
	for _, d := range i.Devices {
		if d.Device == device {
			return refuse(InvalidParameter, "Invalid value '%s' for unixDevice. Attachment point %s is already in use", device, device)
		}
	}
	return nil
}

// checkDeviceName accepts the names that the EC2 User Guide gives for Linux and Windows.
func checkDeviceName(name string) error {
	if name == "" {
		return refuse(MissingParameter, "The request must contain the parameter device")
	}
	ok, _ := regexp.MatchString(`^(/dev/)?(sd[a-z]|xvd[a-d]?[a-z]|hd[a-z])([1-9]|1[0-5])?$`, name) // the pattern is well formed
	if !ok {
		return refuse(InvalidParameter, "Value (%s) for parameter device is invalid. %s is not a valid EBS device name.", name, name)
	}
	return nil
}
