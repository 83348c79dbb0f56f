package ec2

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"coffer.example/internal/meta"
	"coffer.example/internal/meta/records"
)

// interrupted is the message of what was being made when the process ended.
const interrupted = "The service was restarted before this was finished"

// recoverAll brings the catalogue and the engine into agreement after any end of the
// process. Every change writes the catalogue first and last, and the engine between,
// so that each unsettled record says which step may be missing:
//
//	creating, pending     finished if the engine has the object, else failed
//	pending, uploaded     goes on if the engine has what was written, until its time is over
//	deleting              the engine is told again, the record removed
//	attaching             undone: the grant retired, the volume available again
//	detaching             finished: no client has survived
//	attached, serving     opened again through its grant; refused: impaired
//	pending instance      of a launch: ended; of a start: stopped again
//	stopping, shutting-down  taken to its end
//
// Engine objects without a record are left alone. A resource that cannot be brought
// into agreement stays as it is until the next start, and keeps nobody from the others.
func (s *Service) recoverAll(ctx context.Context) error {
	steps := []func(context.Context) error{s.recoverInstances, s.recoverVolumes, s.recoverSnapshots, s.recoverImages}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return fmt.Errorf("ec2: recover: %w", err)
		}
	}
	return s.forgetExpired(ctx)
}

// unsettled reads the records of a kind that start-up must look at.
func unsettled[T resource](ctx context.Context, s *Service, k kind, fn func(T) error) error {
	index, err := collect[ref](ctx, s.store, unsettledKindPrefix(k))
	if err != nil {
		return err
	}
	for key, at := range index {
		r, err := records.Get[T](ctx, s.store, at.Value.key(k))
		if errors.Is(err, meta.ErrNotFound) {
			err = newChange().clear(key).Commit(ctx, s.store)
		} else if err == nil {
			if err := fn(r.Value); err != nil {
				s.log.Error("not recovered; the next start tries again", "resource", at.Value.ID, "error", err)
			}
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) recoverInstances(ctx context.Context) error {
	return unsettled(ctx, s, kindInstance(), func(i Instance) error {
		switch {
		case i.State == InstancePending && i.Starting, i.State == InstanceStopping:
			return s.finishStop(ctx, i)
		case i.State == InstancePending:
			i, err := edit(ctx, s, i, func(i *Instance) {
				i.State, i.StateCode, i.StateMessage = InstanceShuttingDown, "Server.InternalError", interrupted
			})
			if err != nil {
				return err
			}
			return s.finishTerminate(ctx, i)
		}
		return s.finishTerminate(ctx, i)
	})
}

func (s *Service) recoverVolumes(ctx context.Context) error {
	exist, err := s.engine.Volumes(ctx)
	if err != nil {
		return err
	}
	slices.Sort(exist)
	return unsettled(ctx, s, kindVolume(), func(v Volume) error {
		_, found := slices.BinarySearch(exist, v.ID)
		return s.recoverVolume(ctx, v, found)
	})
}

func (s *Service) recoverVolume(ctx context.Context, v Volume, exists bool) error {
	switch {
	case v.State == VolumeDeleting:
		return s.removeVolume(ctx, v)
	case v.State == VolumeCreating:
		_, err := edit(ctx, s, v, func(v *Volume) {
			if v.State = VolumeAvailable; !exists {
				v.State, v.StateMessage = VolumeError, interrupted
			}
		})
		return err
	case v.Attachment == nil:
		return s.finishModify(ctx, v)
	case v.Attachment.State == Attaching:
		if err := s.disconnect(ctx, v, true); err != nil {
			return err
		}
		return s.undoAttach(ctx, v, Instance{ID: v.Attachment.InstanceID, Region: v.Region, Owner: v.Owner})
	case v.Attachment.State == Detaching:
		return s.finishDetach(ctx, v)
	}
	if err := s.finishModify(ctx, v); err != nil {
		return err
	}
	return s.reopen(ctx, v)
}

func (s *Service) recoverSnapshots(ctx context.Context) error {
	exist, err := s.engine.Snapshots(ctx)
	if err != nil {
		return err
	}
	slices.Sort(exist)
	var uploads []string
	if s.blocks != nil {
		if uploads, err = s.blocks.Uploads(ctx); err != nil {
			return err
		}
	}
	return unsettled(ctx, s, kindSnapshot(), func(snap Snapshot) error {
		if snap.State == SnapshotDeleting {
			return s.removeSnapshot(ctx, snap)
		}
		if snap.SourceID != "" {
			_, _, err := s.engine.CopyProgress(ctx, snap.ID)
			if !errors.Is(err, ErrNoObject) {
				_, err = s.refreshed(ctx, snap) // the copy goes on in the engine
				return err
			}
		}
		_, found := slices.BinarySearch(exist, snap.ID)
		reason := interrupted
		if snap.Upload != nil {
			goesOn, why, err := s.recoverUpload(ctx, snap, found, slices.Contains(uploads, snap.ID))
			if goesOn || err != nil {
				return err
			}
			reason = why
		}
		_, err := edit(ctx, s, snap, func(snap *Snapshot) {
			if found {
				snap.State, snap.Completed = SnapshotCompleted, s.now()
			} else {
				snap.State, snap.StateMessage = SnapshotError, reason
			}
		})
		return err
	})
}

func (s *Service) recoverImages(ctx context.Context) error {
	return unsettled(ctx, s, kindImage(), func(image Image) error {
		if image.State == ImageDeleting {
			return s.removeImage(ctx, image)
		}
		_, err := s.refreshedImage(ctx, image)
		return err
	})
}
