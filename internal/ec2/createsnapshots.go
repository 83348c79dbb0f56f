package ec2

import (
	"context"
	"errors"
	"slices"
	"unicode/utf8"

	"coffer.example/internal/meta"
	"coffer.example/kms"
)

// SnapshotRequest is CreateSnapshot's request.
type SnapshotRequest struct {
	VolumeID, Description string
	Tags                  Tags
	DryRun                bool
}

// CreateSnapshot makes a snapshot of a volume, encrypted as the volume is. It answers
// with the state pending; there is nothing to copy, so the next call sees it completed.
func (s *Service) CreateSnapshot(ctx context.Context, caller kms.Caller, r SnapshotRequest) (Snapshot, error) {
	if err := kindVolume().check(r.VolumeID); err != nil {
		return Snapshot{}, err
	}
	if err := checkTexts(r.Description, r.Tags); err != nil {
		return Snapshot{}, err
	}
	out, err := s.takeSnapshots(ctx, caller, []string{r.VolumeID}, r.DryRun, func(Volume) (string, Tags) { return r.Description, r.Tags })
	if err != nil {
		return Snapshot{}, err
	}
	return out[0], nil
}

func checkTexts(description string, tags Tags) error {
	if utf8.RuneCountInString(description) > maxDescription {
		return refuse(InvalidParameter, "Description length exceeds the limit of %d characters.", maxDescription)
	}
	return checkTags(tags)
}

// InstanceSnapshotsRequest is CreateSnapshots' request.
type InstanceSnapshotsRequest struct {
	InstanceID     string
	ExcludeBoot    bool
	ExcludeVolumes []string
	Description    string
	CopyVolumeTags bool
	Tags           Tags
	DryRun         bool
}

// CreateSnapshots makes a snapshot of every volume of an instance, all at one point in time.
func (s *Service) CreateSnapshots(ctx context.Context, caller kms.Caller, r InstanceSnapshotsRequest) ([]Snapshot, error) {
	if err := checkTexts(r.Description, r.Tags); err != nil {
		return nil, err
	}
	release, err := s.locks.Acquire(ctx, r.InstanceID)
	if err != nil {
		return nil, err
	}
	defer release()
	i, err := owned[Instance](ctx, s, kindInstance(), caller, r.InstanceID)
	if err != nil {
		return nil, err
	}
	volumes, err := r.volumes(i.Value)
	if err != nil {
		return nil, err
	}
	return s.takeSnapshots(ctx, caller, volumes, r.DryRun, func(v Volume) (string, Tags) {
		tags := Tags{}
		if r.CopyVolumeTags {
			for key, value := range v.Tags {
				tags[key] = value
			}
		}
		for key, value := range r.Tags {
			tags[key] = value
		}
		return r.Description, tags
	})
}

// volumes are those of the instance that the request does not exclude.
func (r *InstanceSnapshotsRequest) volumes(i Instance) ([]string, error) {
	exclude := map[string]bool{}
	for _, id := range r.ExcludeVolumes {
		exclude[id] = true
	}
	var out []string
	for _, d := range i.Devices {
		switch {
		case d.Device == i.RootDevice && exclude[d.VolumeID]:
			return nil, refuse(ParameterCombination, "The root volume %s is excluded with ExcludeBootVolume, not with ExcludeDataVolumeIds", d.VolumeID)
		case d.Device == i.RootDevice && r.ExcludeBoot:
		case exclude[d.VolumeID]:
			delete(exclude, d.VolumeID)
		default:
			out = append(out, d.VolumeID)
		}
	}
	if len(exclude) > 0 {
		for _, id := range r.ExcludeVolumes {
			if exclude[id] {
				return nil, refuse(InvalidParameter, "The volume '%s' is not attached to instance '%s'", id, i.ID)
			}
		}
	}
	if len(out) == 0 {
		return nil, refuse(InvalidParameter, "The instance '%s' has no volume to take a snapshot of", i.ID)
	}
	return out, nil
}

// takeSnapshots makes snapshots of volumes at one point in time. describe gives each
// its description and tags.
func (s *Service) takeSnapshots(ctx context.Context, caller kms.Caller, volumeIDs []string, dryRun bool, describe func(Volume) (string, Tags)) ([]Snapshot, error) {
	release, err := s.locks.Acquire(ctx, volumeIDs...)
	if err != nil {
		return nil, err
	}
	defer release()
	names := map[string]string{}
	var out []Snapshot
	for _, id := range volumeIDs {
		v, err := s.volume(ctx, caller, id)
		if err != nil {
			return nil, err
		}
		if v.Value.State != VolumeAvailable && v.Value.State != VolumeInUseNow {
			return nil, refuse(IncorrectState, "Volume '%s' is in the '%s' state.", id, v.Value.State)
		}
		description, tags := describe(v.Value)
		snap, err := s.snapshotOf(v.Value, description, tags)
		if err != nil {
			return nil, err
		}
		names[id] = snap.ID
		out = append(out, snap)
	}
	if dryRun {
		return nil, errDryRun()
	}
	ctx = settled(ctx)
	for some := range slices.Chunk(out, commitResources) {
		c := newChange()
		for _, snap := range some {
			c.keep(snap, 0).write(ownerKey(snap.ID), snap.Owner)
		}
		if err := c.Commit(ctx, s.store); err != nil {
			return nil, s.raced(err)
		}
	}
	return out, s.finishSnapshots(ctx, out, names)
}

// snapshotOf is the record of a snapshot of a volume.
func (s *Service) snapshotOf(v Volume, description string, tags Tags) (Snapshot, error) {
	id, err := newID(s.opts.Rand, snapshotPrefix)
	if err != nil {
		return Snapshot{}, err
	}
	return Snapshot{
		ID: id, Owner: v.Owner, Region: v.Region, VolumeID: v.ID, SizeGiB: v.SizeGiB,
		Encrypted: v.Encrypted, KeyARN: v.KeyARN, ManagedKey: v.ManagedKey, DataKeyID: v.DataKeyID,
		Description: description, Tags: tags, State: SnapshotPending, Started: s.now(),
	}, nil
}

// finishSnapshots has the engine make the snapshots and records the outcome. On AWS a
// snapshot needs no use of the key; here a volume that is not attached is opened for
// it, as the owner's account, so that the permissions of the caller do not matter.
func (s *Service) finishSnapshots(ctx context.Context, snaps []Snapshot, names map[string]string) error {
	failure := s.engine.CreateSnapshots(ctx, names, s.keyring(asOwner(ref{Region: snaps[0].Region, Owner: snaps[0].Owner})))
	if failure != nil {
		s.log.Error("snapshot failed", "error", failure)
	}
	for _, snap := range snaps {
		if failure != nil {
			s.discard(snap.ID, s.engine.DeleteSnapshot(ctx, snap.ID))
		}
		_, err := edit(ctx, s, snap, func(snap *Snapshot) {
			if failure != nil {
				snap.State, snap.StateMessage = SnapshotError, keyMessage(failure)
				return
			}
			snap.State, snap.Completed = SnapshotCompleted, s.now()
		})
		if err != nil && !errors.Is(err, meta.ErrNotFound) { // not found: deleted meanwhile
			return err
		}
	}
	return nil
}
