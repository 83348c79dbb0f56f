package ec2

import (
	"context"

	"coffer.example/kms"
)

// StopInstances stops instances: their volumes stay attached but are closed, and
// their keys forgotten, until the next start.
func (s *Service) StopInstances(ctx context.Context, caller kms.Caller, ids []string, dryRun bool) ([]StateChange, error) {
	check := func(i Instance) error {
		switch {
		case i.StopProtection && i.State == InstanceRunning:
			return refuse(NotPermitted, "The instance '%s' may not be stopped. Modify its 'disableApiStop' instance attribute and try again.", i.ID)
		case i.State != InstanceRunning && i.State != InstanceStopped && i.State != InstanceStopping:
			return refuse(IncorrectInstanceState, "The instance '%s' is not in a state from which it can be stopped.", i.ID)
		}
		return nil
	}
	return s.eachInstance(ctx, caller, ids, dryRun, check, func(ctx context.Context, i Instance) (StateChange, error) {
		if i.State != InstanceRunning {
			return StateChange{i.ID, i.State, i.State}, nil
		}
		i, err := edit(ctx, s, i, func(i *Instance) {
			i.State, i.Transition = InstanceStopping, s.userInitiated()
			i.StateCode, i.StateMessage = "Client.UserInitiatedShutdown", "Client.UserInitiatedShutdown: User initiated shutdown"
		})
		if err != nil {
			return StateChange{}, err
		}
		return StateChange{i.ID, InstanceRunning, InstanceStopping}, s.finishStop(ctx, i)
	})
}

// finishStop closes the volumes of an instance and records it as stopped.
func (s *Service) finishStop(ctx context.Context, i Instance) error {
	volumes, err := s.volumesOf(ctx, i)
	if err != nil {
		return err
	}
	for _, v := range volumes {
		if v.Attachment == nil || v.Attachment.State == Detaching {
			continue // its detachment goes on by itself
		}
		if err := s.disconnect(ctx, v, true); err != nil {
			return err
		}
		if _, err := edit(ctx, s, v, func(v *Volume) {
			v.State = VolumeInUseNow
			v.Attachment.State, v.Attachment.Serving, v.Attachment.GrantID, v.Attachment.Impaired = Attached, false, "", ""
		}); err != nil {
			return err
		}
	}
	_, err = edit(ctx, s, i, func(i *Instance) { i.State, i.Starting = InstanceStopped, false })
	return err
}

// StartInstances starts stopped instances: every volume is opened again, with a new
// grant. A key that refuses leaves the instance stopped, with its reason.
func (s *Service) StartInstances(ctx context.Context, caller kms.Caller, ids []string, dryRun bool) ([]StateChange, error) {
	check := func(i Instance) error {
		if i.State != InstanceStopped && i.State != InstanceRunning && i.State != InstancePending {
			return refuse(IncorrectInstanceState, "The instance '%s' is not in a state from which it can be started.", i.ID)
		}
		return nil
	}
	return s.eachInstance(ctx, caller, ids, dryRun, check, func(ctx context.Context, i Instance) (StateChange, error) {
		if i.State != InstanceStopped {
			return StateChange{i.ID, i.State, i.State}, nil
		}
		i, err := edit(ctx, s, i, func(i *Instance) {
			i.State, i.Starting, i.StateCode, i.StateMessage, i.Transition = InstancePending, true, "", "", ""
			i.Launched = s.now()
		})
		if err != nil {
			return StateChange{}, err
		}
		return StateChange{i.ID, InstanceStopped, InstancePending}, s.finishStart(ctx, caller, i)
	})
}

func (s *Service) finishStart(ctx context.Context, caller kms.Caller, i Instance) error {
	volumes, err := s.volumesOf(ctx, i)
	if err != nil {
		return err
	}
	for _, v := range volumes {
		if v.Attachment == nil || v.Attachment.State != Attached {
			continue
		}
		grantID, failure := s.connect(ctx, caller, v)
		if failure != nil {
			code, message := stateReason(failure)
			i, err := edit(ctx, s, i, func(i *Instance) { i.State, i.StateCode, i.StateMessage = InstanceStopping, code, message })
			if err != nil {
				return err
			}
			return s.finishStop(ctx, i)
		}
		if _, err := edit(ctx, s, v, func(v *Volume) { v.Attachment.Serving, v.Attachment.GrantID = true, grantID }); err != nil {
			return err
		}
	}
	_, err = edit(ctx, s, i, func(i *Instance) { i.State, i.Starting = InstanceRunning, false })
	return err
}

// RebootInstances checks that instances can be rebooted; with no machine behind them
// there is nothing else to do.
func (s *Service) RebootInstances(ctx context.Context, caller kms.Caller, ids []string, dryRun bool) error {
	check := func(i Instance) error {
		if i.State != InstanceRunning && i.State != InstancePending {
			return refuse(IncorrectInstanceState, "The instance '%s' is not in a state from which it can be rebooted.", i.ID)
		}
		return nil
	}
	_, err := s.eachInstance(ctx, caller, ids, dryRun, check, func(_ context.Context, i Instance) (StateChange, error) {
		return StateChange{i.ID, i.State, i.State}, nil
	})
	return err
}
