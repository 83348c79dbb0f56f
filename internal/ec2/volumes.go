package ec2

import (
	"context"
	"errors"

	"coffer.example/internal/meta"
	"coffer.example/internal/meta/records"
	"coffer.example/kms"
)

// VolumeRequest is CreateVolume's request.
type VolumeRequest struct {
	DeviceSpec
	Zone, ZoneID string
	MultiAttach  bool
	Tags         Tags
	ClientToken  string `json:"-"`
	DryRun       bool   `json:"-"`
}

// CreateVolume makes a volume. It answers with the state creating; the volume is
// available, or in the state error, before the next call sees it.
func (s *Service) CreateVolume(ctx context.Context, caller kms.Caller, r VolumeRequest) (Volume, error) {
	token, sum, made, err := s.idempotent(ctx, caller, "CreateVolume", r.ClientToken, r)
	if err != nil {
		return Volume{}, err
	}
	if made != nil {
		v, err := s.volume(ctx, caller, made[0])
		return v.Value, err
	}
	zone, plan, err := s.checkVolumeRequest(ctx, caller, r)
	if err != nil {
		return Volume{}, err
	}
	if r.DryRun {
		return Volume{}, errDryRun()
	}
	v, err := s.newVolume(caller.Region, caller.Account, zone.Name, plan)
	if err != nil {
		return Volume{}, err
	}
	v.MultiAttach, v.Tags = r.MultiAttach, r.Tags
	release, err := s.locks.Acquire(ctx, lockIDs(v.ID, plan)...)
	if err != nil {
		return Volume{}, err
	}
	defer release()
	c := newChange().keep(v, 0).use(token, sum, v.Created, v.ID)
	if err := c.Commit(ctx, s.store); err != nil {
		return s.sameToken(ctx, caller, r, err)
	}
	answer := v
	_, err = s.makeVolume(settled(ctx), caller, v, plan)
	return answer, err
}

// sameToken answers a request that lost the race for its token against its own
// repetition: with the volume that the other one makes.
func (s *Service) sameToken(ctx context.Context, caller kms.Caller, r VolumeRequest, lost error) (Volume, error) {
	_, _, made, err := s.idempotent(ctx, caller, "CreateVolume", r.ClientToken, r)
	if err != nil || made == nil {
		return Volume{}, errors.Join(err, s.raced(lost))
	}
	v, err := s.volume(ctx, caller, made[0])
	return v.Value, err
}

func (s *Service) checkVolumeRequest(ctx context.Context, caller kms.Caller, r VolumeRequest) (Zone, volumePlan, error) {
	if r.Zone == "" && r.ZoneID == "" {
		return Zone{}, volumePlan{}, refuse(MissingParameter, "The request must contain the parameter availabilityZone")
	}
	zone, err := findZone(caller.Region, r.Zone, r.ZoneID)
	if err != nil {
		return Zone{}, volumePlan{}, err
	}
	if r.SizeGiB == 0 && r.SnapshotID == "" {
		return Zone{}, volumePlan{}, refuse(MissingParameter, "The request must contain the parameter size/snapshot")
	}
	if r.MultiAttach && r.Type != "io1" && r.Type != "io2" {
		return Zone{}, volumePlan{}, refuse(ParameterCombination, "The parameter multiAttachEnabled is supported for io1 and io2 volumes only.")
	}
	if r.MultiAttach {
		return Zone{}, volumePlan{}, refuse(Unsupported, "Volumes that attach to several instances are not supported.")
	}
	if err := checkTags(r.Tags); err != nil {
		return Zone{}, volumePlan{}, err
	}
	plan, err := s.planVolume(ctx, caller, r.DeviceSpec)
	return zone, plan, err
}

// lockIDs are the resources that a new volume touches: itself and its snapshot, which
// must not be deleted meanwhile.
func lockIDs(volumeID string, plan volumePlan) []string {
	if plan.source == nil {
		return []string{volumeID}
	}
	return []string{plan.source.ID, volumeID}
}

func (s *Service) newVolume(region, owner, zone string, plan volumePlan) (Volume, error) {
	id, err := newID(s.opts.Rand, volumePrefix)
	if err != nil {
		return Volume{}, err
	}
	v := Volume{
		ID: id, Owner: owner, Region: region, Zone: zone, SizeGiB: plan.spec.SizeGiB,
		Type: plan.spec.Type, IOPS: plan.spec.IOPS, Throughput: plan.spec.Throughput,
		Encrypted: plan.key.arn != "", KeyARN: plan.key.arn, ManagedKey: plan.key.managed, SnapshotID: plan.spec.SnapshotID,
		Created: s.now(), State: VolumeCreating,
	}
	switch {
	case !v.Encrypted:
	case plan.source != nil && plan.source.KeyARN == v.KeyARN:
		v.DataKeyID = plan.source.DataKeyID
	default:
		v.DataKeyID, err = newUUID(s.opts.Rand)
	}
	return v, err
}

// makeVolume has the engine make a volume whose record is creating, and records the
// outcome. A refusal by the key store, or by the engine, is the volume's state error;
// the error returned is only about records.
func (s *Service) makeVolume(ctx context.Context, caller kms.Caller, v Volume, plan volumePlan) (failure, err error) {
	failure = plan.key.failure
	if failure == nil {
		spec := VolumeSpec{ID: v.ID, SizeBytes: int64(v.SizeGiB) << 30, Key: v.KeyARN, Keys: s.keyring(caller)}
		if plan.source != nil {
			failure = s.engine.RestoreVolume(ctx, plan.source.ID, spec)
		} else {
			failure = s.engine.CreateVolume(ctx, spec)
		}
		if failure != nil {
			s.discard(v.ID, s.engine.DeleteVolume(ctx, v.ID))
		}
	}
	fast := failure == nil && plan.source != nil && s.fastRestored(ctx, v)
	_, err = edit(ctx, s, v, func(v *Volume) {
		v.FastRestored = fast
		switch {
		case failure != nil:
			v.State, v.StateMessage = VolumeError, keyMessage(failure)
		case v.Attachment != nil: // of a launch, which goes on to attach it
			v.State = VolumeInUseNow
		default:
			v.State = VolumeAvailable
		}
	})
	return failure, err
}

// discard is about an object that a failed call may have left, whatever it promised.
// What cannot be deleted now goes when its record, in the state error, is deleted.
func (s *Service) discard(id string, err error) {
	if err != nil {
		s.log.Error("object of a failed call not deleted", "id", id, "error", err)
	}
}

// edit changes a resource's record, whose lock the caller holds, from what it is now.
func edit[T resource](ctx context.Context, s *Service, r T, change func(*T)) (T, error) {
	k, at := r.at()
	now, err := records.Get[T](ctx, s.store, at.key(k))
	if err != nil {
		return now.Value, err
	}
	change(&now.Value)
	return now.Value, newChange().keep(now.Value, now.Revision).Commit(ctx, s.store)
}

// volume finds a volume of the caller.
func (s *Service) volume(ctx context.Context, caller kms.Caller, id string) (stored[Volume], error) {
	return owned[Volume](ctx, s, kindVolume(), caller, id)
}

// owned finds a resource of the caller by its id.
func owned[T any](ctx context.Context, s *Service, k kind, caller kms.Caller, id string) (stored[T], error) {
	if err := k.check(id); err != nil {
		return stored[T]{}, err
	}
	out, err := records.Get[T](ctx, s.store, resourceKey(k, caller.Region, caller.Account, id))
	if errors.Is(err, meta.ErrNotFound) {
		return out, k.missing(id)
	}
	return out, err
}

// raced explains a conflict with a request that came first.
func (s *Service) raced(err error) error {
	if errors.Is(err, meta.ErrConflict) {
		return &Error{Reason: Busy, Message: "Another request for the same resource is in progress; try again.", Cause: err}
	}
	return err
}

// errDryRun is the answer to a request that would have succeeded.
func errDryRun() error {
	return refuse(DryRunSucceeded, "Request would have succeeded, but DryRun flag is set.")
}
