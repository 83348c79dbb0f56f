package ec2

import (
	"context"

	"coffer.example/kms"
)

// ModifyVolumeRequest is ModifyVolume's request; zero fields stay what they are.
type ModifyVolumeRequest struct {
	VolumeID         string
	SizeGiB          int
	Type             string
	IOPS, Throughput int
	MultiAttach      *bool
	DryRun           bool
}

// ModifyVolume grows a volume or changes its type and performance, attached or not. An
// attached one has its new size at once for every NBD client that connects from then on;
// a connection keeps the size that it was told, for NBD has no message that changes it.
func (s *Service) ModifyVolume(ctx context.Context, caller kms.Caller, r ModifyVolumeRequest) (Volume, error) {
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
	spec, err := checkModify(v.Value, r)
	if err != nil {
		return Volume{}, err
	}
	if r.DryRun {
		return Volume{}, errDryRun()
	}
	v.Value.Modification = &Modification{
		Started: s.now(), OriginalSizeGiB: v.Value.SizeGiB, TargetSizeGiB: spec.SizeGiB,
		OriginalType: v.Value.Type, TargetType: spec.Type, OriginalIOPS: v.Value.IOPS, TargetIOPS: spec.IOPS,
		OriginalThroughput: v.Value.Throughput, TargetThroughput: spec.Throughput,
	}
	if err := newChange().keep(v.Value, v.Revision).Commit(ctx, s.store); err != nil {
		return Volume{}, s.raced(err)
	}
	return v.Value, s.finishModify(settled(ctx), v.Value)
}

func checkModify(v Volume, r ModifyVolumeRequest) (DeviceSpec, error) {
	spec := DeviceSpec{SizeGiB: v.SizeGiB, Type: v.Type, IOPS: v.IOPS, Throughput: v.Throughput}
	switch {
	case v.State != VolumeAvailable && v.State != VolumeInUseNow:
		return spec, refuse(IncorrectState, "Volume '%s' is in the '%s' state.", v.ID, v.State)
	case v.Modification != nil && !v.Modification.Done:
		return spec, refuse(IncorrectState, "Volume %s is being modified already.", v.ID)
	case r.MultiAttach != nil && *r.MultiAttach:
		return spec, refuse(Unsupported, "Volumes that attach to several instances are not supported.")
	case r.SizeGiB != 0 && r.SizeGiB < v.SizeGiB:
		return spec, refuse(InvalidParameter, "New size cannot be smaller than existing size")
	case r.SizeGiB == 0 && r.Type == "" && r.IOPS == 0 && r.Throughput == 0 && r.MultiAttach == nil:
		return spec, refuse(MissingParameter, "The request must contain at least one of the parameters size, volumeType, iops, throughput")
	}
	if r.SizeGiB != 0 {
		spec.SizeGiB = r.SizeGiB
	}
	if r.Type != "" && r.Type != v.Type {
		spec.Type, spec.IOPS, spec.Throughput = r.Type, 0, 0
	}
	if spec.Type == "gp2" {
		spec.IOPS = 0
	}
	if r.IOPS != 0 {
		spec.IOPS = r.IOPS
	}
	if r.Throughput != 0 {
		spec.Throughput = r.Throughput
	}
	return spec, spec.fill()
}

// finishModify has the engine grow a volume whose modification is recorded. The new
// size shows when the engine has it.
func (s *Service) finishModify(ctx context.Context, v Volume) error {
	m := v.Modification
	if m == nil || m.Done {
		return nil
	}
	var failure error
	if m.TargetSizeGiB > m.OriginalSizeGiB {
		if failure = s.engine.ResizeVolume(ctx, v.ID, int64(m.TargetSizeGiB)<<30, s.keyring(asOwner(ref{Region: v.Region, Owner: v.Owner}))); failure != nil {
			s.log.Error("volume not grown", "volume", v.ID, "error", failure)
		}
	}
	_, err := edit(ctx, s, v, func(v *Volume) {
		m := v.Modification
		if m.Done, m.Ended = true, s.now(); failure != nil {
			m.Failed = "The volume could not be grown"
			return
		}
		v.SizeGiB, v.Type, v.IOPS, v.Throughput = m.TargetSizeGiB, m.TargetType, m.TargetIOPS, m.TargetThroughput
	})
	return err
}

// SetAutoEnableIO sets the attribute autoEnableIO of a volume.
func (s *Service) SetAutoEnableIO(ctx context.Context, caller kms.Caller, id string, on, dryRun bool) error {
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
	if dryRun {
		return errDryRun()
	}
	v.Value.AutoEnableIO = on
	return newChange().keep(v.Value, v.Revision).Commit(ctx, s.store)
}
