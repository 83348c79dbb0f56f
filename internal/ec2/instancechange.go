package ec2

import (
	"context"
	"encoding/base64"
	"slices"

	"coffer.example/kms"
)

// InstanceChange is a change of an instance's attributes; nil fields stay what they are.
type InstanceChange struct {
	Type, ShutdownBehavior                *string
	UserData                              *string // base64
	TerminationProtection, StopProtection *bool
	SourceDestCheck, EBSOptimized         *bool
	DetailedMonitoring                    *bool
	GroupIDs                              []string
	Metadata                              *MetadataOptions
	DeleteOnTermination                   map[string]bool // by device
}

// ModifyInstance changes attributes of an instance.
func (s *Service) ModifyInstance(ctx context.Context, caller kms.Caller, id string, r InstanceChange, dryRun bool) error {
	release, i, err := s.lockInstance(ctx, caller, id)
	if err != nil {
		return err
	}
	defer release()
	if err := r.check(i); err != nil {
		return err
	}
	volumes, err := s.volumesOf(ctx, i)
	if err != nil {
		return err
	}
	for device := range r.DeleteOnTermination {
		if !slices.ContainsFunc(volumes, func(v Volume) bool { return v.Attachment != nil && v.Attachment.Device == device }) {
			return refuse(BlockDeviceMapping, "No device is currently mapped at %s", device)
		}
	}
	if dryRun {
		return errDryRun()
	}
	ctx = settled(ctx)
	for _, v := range volumes {
		if v.Attachment == nil {
			continue
		}
		if on, ok := r.DeleteOnTermination[v.Attachment.Device]; ok {
			if _, err := edit(ctx, s, v, func(v *Volume) { v.Attachment.DeleteOnTermination = on }); err != nil {
				return err
			}
		}
	}
	_, err = edit(ctx, s, i, r.apply)
	return err
}

func (r *InstanceChange) check(i Instance) error {
	stopped := i.State == InstanceStopped
	switch {
	case i.State == InstanceTerminated || i.State == InstanceShuttingDown:
		return refuse(IncorrectInstanceState, "The instance '%s' is not in a state in which it can be modified.", i.ID)
	case (r.Type != nil || r.UserData != nil) && !stopped:
		return refuse(IncorrectInstanceState, "The instance '%s' is not in the 'stopped' state.", i.ID)
	case r.Type != nil && !validType(*r.Type):
		return refuse(InvalidAttribute, "Invalid value '%s' for InstanceType.", *r.Type)
	case r.ShutdownBehavior != nil && *r.ShutdownBehavior != "stop" && *r.ShutdownBehavior != "terminate":
		return refuse(InvalidAttribute, "Invalid value '%s' for InstanceInitiatedShutdownBehavior.", *r.ShutdownBehavior)
	}
	if r.UserData != nil {
		data, err := base64.StdEncoding.DecodeString(*r.UserData)
		if err != nil || len(data) > maxUserData {
			return refuse(InvalidAttribute, "User data must be base64 of at most %d bytes", maxUserData)
		}
	}
	return nil
}

func (r *InstanceChange) apply(i *Instance) {
	if r.Type != nil {
		i.Type = *r.Type
	}
	if r.ShutdownBehavior != nil {
		i.ShutdownBehavior = *r.ShutdownBehavior
	}
	if r.UserData != nil {
		i.UserData, _ = base64.StdEncoding.DecodeString(*r.UserData) // check has decoded it
	}
	if r.SourceDestCheck != nil {
		i.SourceDestCheckOff = !*r.SourceDestCheck
	}
	for _, set := range []struct{ from, to *bool }{
		{r.TerminationProtection, &i.TerminationProtection}, {r.StopProtection, &i.StopProtection},
		{r.EBSOptimized, &i.EBSOptimized}, {r.DetailedMonitoring, &i.DetailedMonitoring},
	} {
		if set.from != nil {
			*set.to = *set.from
		}
	}
	if r.GroupIDs != nil {
		i.GroupIDs = r.GroupIDs
	}
	if r.Metadata != nil {
		i.Metadata.merge(*r.Metadata)
	}
}

func (m *MetadataOptions) merge(r MetadataOptions) {
	for _, set := range []struct {
		from string
		to   *string
	}{{r.Tokens, &m.Tokens}, {r.Endpoint, &m.Endpoint}, {r.IPv6, &m.IPv6}, {r.InstanceTags, &m.InstanceTags}} {
		if set.from != "" {
			*set.to = set.from
		}
	}
	if r.HopLimit != 0 {
		m.HopLimit = r.HopLimit
	}
}
