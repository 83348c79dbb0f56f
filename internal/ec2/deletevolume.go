package ec2

import (
	"context"
	"fmt"

	"coffer.example/kms"
)

// DeleteVolume deletes a volume that is not attached.
func (s *Service) DeleteVolume(ctx context.Context, caller kms.Caller, id string, dryRun bool) error {
	if err := kindVolume().check(id); err != nil {
		return err
	}
	release, err := s.locks.Acquire(ctx, id)
	if err != nil {
		return err
	}
	defer release()
	v, err := s.volume(ctx, caller, id)
	if err != nil {
		return err
	}
	switch v.Value.State {
	case VolumeInUseNow:
		return refuse(VolumeInUse, "Volume %s is currently attached to %s", id, v.Value.Attachment.InstanceID)
	case VolumeCreating:
		return refuse(IncorrectState, "Volume '%s' is in the 'creating' state.", id)
	}
	if dryRun {
		return errDryRun()
	}
	return s.removeVolume(settled(ctx), v.Value)
}

// removeVolume takes a volume, whose lock the caller holds, out of the catalogue and the engine.
func (s *Service) removeVolume(ctx context.Context, v Volume) error {
	if v.State != VolumeDeleting {
		var err error
		if v, err = edit(ctx, s, v, func(v *Volume) { v.State = VolumeDeleting }); err != nil {
			return err
		}
	}
	if err := s.engine.DeleteVolume(ctx, v.ID); err != nil {
		return fmt.Errorf("ec2: delete %s: %w", v.ID, err)
	}
	return newChange().drop(v).Commit(ctx, s.store)
}
