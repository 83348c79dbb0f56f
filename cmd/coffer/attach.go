package main

import (
	"context"
	"errors"
	"fmt"

	"coffer.example/internal/ec2"
	"coffer.example/kms"
)

// The operator attaches as the account's root, through the same evaluation as
// everybody: to an instance of its own, which ends with the attachment.

const (
	operatorTag    = "coffer-volume-attach" // on instances that volume attach has launched
	operatorDevice = "/dev/sdf"
)

// attachVolume attaches a volume to a new instance, or answers where it is attached.
func (s *stack) attachVolume(ctx context.Context, call volumeCall) (volumeAnswer, error) {
	caller := s.operator(call.scope)
	v, err := s.findVolume(ctx, caller, call.Volume)
	if err != nil {
		return volumeAnswer{}, err
	}
	if v.Attachment != nil {
		return volumeAnswer{}, fmt.Errorf("%s is %s already, at instance %s", v.ID, v.Attachment.State, v.Attachment.InstanceID)
	}
	instances, err := s.machines.RunInstances(ctx, caller, ec2.LaunchRequest{
		ImageID: ec2.EmptyImageID(caller.Region), MinCount: 1, MaxCount: 1, Zone: v.Zone, Tags: ec2.Tags{operatorTag: v.ID},
	})
	if err != nil {
		return volumeAnswer{}, err
	}
	instance := instances[0].ID
	v, err = s.machines.AttachVolume(ctx, caller, ec2.AttachRequest{VolumeID: v.ID, InstanceID: instance, Device: operatorDevice})
	if err != nil {
		_, ended := s.machines.TerminateInstances(ctx, caller, []string{instance}, false)
		return volumeAnswer{}, errors.Join(err, ended)
	}
	return volumeAnswer{Volume: v.ID, State: string(ec2.Attached), URI: s.uri(v.ID)}, nil
}

// detachVolume detaches a volume, and ends the instance that attachVolume launched for it.
func (s *stack) detachVolume(ctx context.Context, call volumeCall) (volumeAnswer, error) {
	caller := s.operator(call.scope)
	v, err := s.findVolume(ctx, caller, call.Volume)
	if err != nil {
		return volumeAnswer{}, err
	}
	if v.Attachment == nil {
		return volumeAnswer{}, fmt.Errorf("%s is not attached", v.ID)
	}
	instance := v.Attachment.InstanceID
	if _, err := s.machines.DetachVolume(ctx, caller, ec2.DetachRequest{VolumeID: v.ID, Force: call.Force}); err != nil {
		return volumeAnswer{}, err
	}
	if v, err = s.findVolume(ctx, caller, call.Volume); err != nil {
		return volumeAnswer{}, err
	}
	if v.Attachment != nil {
		return volumeAnswer{Volume: v.ID, State: string(v.Attachment.State)}, nil // clients are connected
	}
	return volumeAnswer{Volume: v.ID, State: string(v.State)}, s.endOperatorInstance(ctx, caller, instance)
}

func (s *stack) endOperatorInstance(ctx context.Context, caller kms.Caller, id string) error {
	page, err := s.machines.DescribeInstances(ctx, caller, ec2.Query{IDs: []string{id}})
	if err != nil {
		return err
	}
	for _, instance := range page.Items {
		if instance.Tags[operatorTag] != "" {
			if _, err := s.machines.TerminateInstances(ctx, caller, []string{id}, false); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *stack) volumeURI(ctx context.Context, call volumeCall) (volumeAnswer, error) {
	v, err := s.findVolume(ctx, s.operator(call.scope), call.Volume)
	if err != nil {
		return volumeAnswer{}, err
	}
	if err := unreachable(v); err != nil {
		return volumeAnswer{}, err
	}
	return volumeAnswer{Volume: v.ID, State: string(v.Attachment.State), URI: s.uri(v.ID)}, nil
}

// unreachable says why clients cannot open a volume, if they cannot.
func unreachable(v ec2.Volume) error {
	switch at := v.Attachment; {
	case at == nil || at.State != ec2.Attached:
		return fmt.Errorf("%s is not attached", v.ID)
	case at.Impaired != "":
		return fmt.Errorf("%s cannot be served: %s", v.ID, at.Impaired)
	case !at.Serving:
		return fmt.Errorf("%s is attached to instance %s, which does not run", v.ID, at.InstanceID)
	}
	return nil
}

func (s *stack) findVolume(ctx context.Context, caller kms.Caller, id string) (ec2.Volume, error) {
	page, err := s.machines.DescribeVolumes(ctx, caller, ec2.Query{IDs: []string{id}})
	if err != nil {
		return ec2.Volume{}, err
	}
	return page.Items[0], nil // byID fails for an id that is not there
}

// withVolume runs serve with a volume attached: as it is, or for as long as serve runs.
func (d *daemon) withVolume(ctx context.Context, id string, serve func() error) error {
	s := d.stack.Load()
	call := volumeCall{Volume: id}
	v, err := s.findVolume(ctx, s.operator(call.scope), id)
	if err != nil {
		return err
	}
	if v.Attachment != nil {
		return serve()
	}
	if _, err := s.attachVolume(ctx, call); err != nil {
		return err
	}
	err = serve()
	call.Force = true
	_, detached := s.detachVolume(context.WithoutCancel(ctx), call)
	return errors.Join(err, detached)
}
