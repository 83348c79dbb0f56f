package ec2

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"coffer.example/internal/meta"
	"coffer.example/internal/meta/records"
	"coffer.example/kms"
)

// DetachRequest is DetachVolume's request. InstanceID and Device may be empty.
type DetachRequest struct {
	VolumeID, InstanceID, Device string
	Force, DryRun                bool
}

// DetachVolume detaches a volume. While clients are connected to its export it stays
// detaching, unless Force cuts them.
func (s *Service) DetachVolume(ctx context.Context, caller kms.Caller, r DetachRequest) (Volume, error) {
	v, err := s.beginDetach(ctx, caller, r)
	if err != nil {
		return v, err
	}
	done := make(chan struct{})
	s.goBackground(func(ctx context.Context) {
		defer close(done)
		if err := s.awaitDetach(ctx, v, r.Force); err != nil && ctx.Err() == nil {
			s.log.Error("detach failed", "volume", v.ID, "error", err)
		}
	})
	grace := time.NewTimer(detachGrace)
	defer grace.Stop()
	select {
	case <-done:
	case <-grace.C:
	case <-ctx.Done():
	}
	return v, nil
}

// beginDetach records the intent.
func (s *Service) beginDetach(ctx context.Context, caller kms.Caller, r DetachRequest) (Volume, error) {
	if err := kindVolume().check(r.VolumeID); err != nil {
		return Volume{}, err
	}
	release, err := s.locks.Acquire(ctx, r.VolumeID)
	if err != nil {
		return Volume{}, err
	}
	defer release()
	v, err := s.volume(ctx, caller, r.VolumeID)
	if err != nil {
		return Volume{}, err
	}
	if err := s.checkDetach(ctx, caller, v.Value, r); err != nil {
		return Volume{}, err
	}
	if r.DryRun {
		return Volume{}, errDryRun()
	}
	v.Value.Attachment.State = Detaching
	if err := newChange().keep(v.Value, v.Revision).Commit(ctx, s.store); err != nil {
		return Volume{}, s.raced(err)
	}
	return v.Value, nil
}

func (s *Service) checkDetach(ctx context.Context, caller kms.Caller, v Volume, r DetachRequest) error {
	a := v.Attachment
	switch {
	case a == nil:
		return refuse(IncorrectState, "Volume '%s' is in the '%s' state.", v.ID, v.State)
	case r.InstanceID != "" && r.InstanceID != a.InstanceID, r.Device != "" && r.Device != a.Device:
		return refuse(AttachmentNotFound, "The volume '%s' is not attached to instance '%s' as device '%s'.", v.ID, r.InstanceID, r.Device)
	case a.State == Attaching, a.State == Detaching && !r.Force:
		return refuse(IncorrectState, "Volume '%s' is in the '%s' state.", v.ID, a.State)
	}
	i, err := owned[Instance](ctx, s, kindInstance(), caller, a.InstanceID)
	if err != nil {
		return err
	}
	if a.Device == i.Value.RootDevice && i.Value.State != InstanceStopped {
		return refuse(NotPermitted, "Unable to detach root volume '%s' from instance '%s'", a.Device, i.Value.ID)
	}
	return nil
}

// awaitDetach waits for the clients and ends the attachment.
func (s *Service) awaitDetach(ctx context.Context, v Volume, force bool) error {
	if err := s.exports.Withdraw(ctx, v.ID, force); err != nil {
		return err
	}
	release, err := s.locks.Acquire(ctx, v.Attachment.InstanceID, v.ID)
	if err != nil {
		return err
	}
	defer release()
	return s.finishDetach(settled(ctx), v)
}

// finishDetach ends an attachment that is detaching; the locks of both sides are held.
// If it has ended meanwhile there is nothing to do.
func (s *Service) finishDetach(ctx context.Context, v Volume) error {
	_, at := v.at()
	now, err := records.Get[Volume](ctx, s.store, at.key(kindVolume()))
	if errors.Is(err, meta.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	a := now.Value.Attachment
	if a == nil || a.State != Detaching || a.InstanceID != v.Attachment.InstanceID {
		return nil
	}
	if err := s.disconnect(ctx, now.Value, true); err != nil {
		return fmt.Errorf("ec2: detach %s: %w", v.ID, err)
	}
	return s.undoAttach(ctx, now.Value, Instance{ID: a.InstanceID, Region: v.Region, Owner: v.Owner})
}

// withoutDevice reads an instance and removes a volume's device from it; revision 0
// if there is no such instance.
func (s *Service) withoutDevice(ctx context.Context, i Instance, volumeID string) (stored[Instance], error) {
	k, at := i.at()
	now, err := records.Get[Instance](ctx, s.store, at.key(k))
	if errors.Is(err, meta.ErrNotFound) {
		return stored[Instance]{}, nil
	}
	now.Value.Devices = slices.DeleteFunc(now.Value.Devices, func(d InstanceDevice) bool { return d.VolumeID == volumeID })
	return now, err
}
