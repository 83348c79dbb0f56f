package ec2

import (
	"context"
	"errors"
	"fmt"

	"coffer.example/internal/meta"
	"coffer.example/internal/meta/records"
	"coffer.example/kms"
)

func isNotFound(err error) bool { return errors.Is(err, meta.ErrNotFound) }

// StateChange is an instance's state before and after a request.
type StateChange struct {
	ID                string
	Previous, Current InstanceState
}

// eachInstance runs step for every instance, after check has accepted all of them.
func (s *Service) eachInstance(ctx context.Context, caller kms.Caller, ids []string, dryRun bool, check func(Instance) error, step func(context.Context, Instance) (StateChange, error)) ([]StateChange, error) {
	if len(ids) == 0 {
		return nil, refuse(MissingParameter, "The request must contain the parameter InstanceId")
	}
	if len(ids) > maxIDs {
		return nil, refuse(InvalidParameter, "At most %d instances can be named", maxIDs)
	}
	for _, id := range ids {
		if err := kindInstance().check(id); err != nil {
			return nil, err
		}
	}
	for _, id := range ids {
		i, err := owned[Instance](ctx, s, kindInstance(), caller, id)
		if err == nil {
			err = check(i.Value)
		}
		if err != nil {
			return nil, err
		}
	}
	if dryRun {
		return nil, errDryRun()
	}
	var out []StateChange
	for _, id := range ids {
		change, err := s.oneInstance(ctx, caller, id, check, step)
		if err != nil {
			return nil, err
		}
		out = append(out, change)
	}
	return out, nil
}

func (s *Service) oneInstance(ctx context.Context, caller kms.Caller, id string, check func(Instance) error, step func(context.Context, Instance) (StateChange, error)) (StateChange, error) {
	release, i, err := s.lockInstance(ctx, caller, id)
	if err != nil {
		return StateChange{}, err
	}
	defer release()
	if err := check(i); err != nil {
		return StateChange{}, err
	}
	return step(settled(ctx), i)
}

// volumesOf finds the volumes of an instance that are still its own.
func (s *Service) volumesOf(ctx context.Context, i Instance) ([]Volume, error) {
	var out []Volume
	for _, d := range i.Devices {
		v, err := records.Get[Volume](ctx, s.store, resourceKey(kindVolume(), i.Region, i.Owner, d.VolumeID))
		if isNotFound(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("ec2: volumes of %s: %w", i.ID, err)
		}
		if a := v.Value.Attachment; a != nil && a.InstanceID == i.ID || v.Value.State == VolumeDeleting {
			out = append(out, v.Value)
		}
	}
	return out, nil
}

// lockInstance locks an instance of the caller and the volumes that are its own.
func (s *Service) lockInstance(ctx context.Context, caller kms.Caller, id string) (release func(), i Instance, err error) {
	if err := kindInstance().check(id); err != nil {
		return nil, i, err
	}
	first, err := s.locks.Acquire(ctx, id)
	if err != nil {
		return nil, i, err
	}
	found, err := owned[Instance](ctx, s, kindInstance(), caller, id)
	if err != nil {
		first()
		return nil, i, err
	}
	var volumes []string
	for _, d := range found.Value.Devices {
		volumes = append(volumes, d.VolumeID)
	}
	second, err := s.locks.Acquire(ctx, volumes...)
	if err != nil {
		first()
		return nil, i, err
	}
	return func() { second(); first() }, found.Value, nil
}

// TerminateInstances ends instances: their volumes are detached, and deleted where
// DeleteOnTermination says so. Connected clients are cut, as a machine that is switched off would be.
func (s *Service) TerminateInstances(ctx context.Context, caller kms.Caller, ids []string, dryRun bool) ([]StateChange, error) {
	check := func(i Instance) error {
		if i.TerminationProtection && i.State != InstanceTerminated {
			return refuse(NotPermitted, "The instance '%s' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.", i.ID)
		}
		return nil
	}
	return s.eachInstance(ctx, caller, ids, dryRun, check, func(ctx context.Context, i Instance) (StateChange, error) {
		if i.State == InstanceTerminated {
			return StateChange{i.ID, InstanceTerminated, InstanceTerminated}, nil
		}
		before := i.State
		i, err := edit(ctx, s, i, func(i *Instance) {
			i.State, i.Starting = InstanceShuttingDown, false
			i.StateCode, i.StateMessage = "Client.UserInitiatedShutdown", "Client.UserInitiatedShutdown: User initiated shutdown"
			i.Transition = s.userInitiated()
		})
		if err != nil {
			return StateChange{}, err
		}
		return StateChange{i.ID, before, InstanceShuttingDown}, s.finishTerminate(ctx, i)
	})
}

func (s *Service) userInitiated() string {
	return "User initiated (" + s.now().Format("2006-01-02 15:04:05") + " GMT)"
}

// finishTerminate takes an instance that is shutting down to its end. Its locks are
// held. Every step may have been done before.
func (s *Service) finishTerminate(ctx context.Context, i Instance) error {
	volumes, err := s.volumesOf(ctx, i)
	if err != nil {
		return err
	}
	for _, v := range volumes {
		if err := s.letGo(ctx, i, v); err != nil {
			return err
		}
	}
	_, at := i.at()
	now, err := records.Get[Instance](ctx, s.store, at.key(kindInstance()))
	if err != nil {
		return err
	}
	now.Value.State, now.Value.Devices, now.Value.Terminated = InstanceTerminated, nil, s.now()
	c := newChange().keep(now.Value, now.Revision)
	return c.write(terminatedPrefix+i.ID, terminated{Ref: at, At: now.Value.Terminated}).Commit(ctx, s.store)
}

// letGo detaches a volume of an ending instance, and deletes it if it was made to go with it.
func (s *Service) letGo(ctx context.Context, i Instance, v Volume) error {
	if v.State == VolumeDeleting {
		return s.removeVolume(ctx, v)
	}
	if err := s.disconnect(ctx, v, true); err != nil {
		return err
	}
	// A volume that is still attaching here belongs to a launch that did not end well: nobody has used it.
	if v.Attachment.DeleteOnTermination || v.Attachment.State == Attaching {
		return s.removeVolume(ctx, v)
	}
	return s.undoAttach(ctx, v, i)
}
