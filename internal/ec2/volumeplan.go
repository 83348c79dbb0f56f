package ec2

import (
	"context"

	"coffer.example/kms"
	"coffer.example/snapshot"
)

// DeviceSpec is what a request says about one new volume, of CreateVolume or of a
// block device mapping.
type DeviceSpec struct {
	SnapshotID       string
	SizeGiB          int // 0: the snapshot's
	Type             string
	IOPS, Throughput int // 0: the type's default
	Encrypted        snapshot.Flag
	KeyID            string
}

// volumePlan is a DeviceSpec that can be carried out.
type volumePlan struct {
	spec   DeviceSpec
	source *Snapshot // nil: empty
	key    key
}

// planVolume checks a spec and decides its encryption.
func (s *Service) planVolume(ctx context.Context, caller kms.Caller, spec DeviceSpec) (volumePlan, error) {
	if spec.SnapshotID == "" {
		return s.planVolumeOf(ctx, caller, spec, nil)
	}
	source, err := s.usableSnapshot(ctx, caller, spec.SnapshotID)
	if err != nil {
		return volumePlan{}, err
	}
	return s.planVolumeOf(ctx, caller, spec, &source)
}

// planVolumeOf is planVolume with the source found.
func (s *Service) planVolumeOf(ctx context.Context, caller kms.Caller, spec DeviceSpec, source *Snapshot) (volumePlan, error) {
	plan := volumePlan{spec: spec, source: source}
	if source != nil {
		if spec.SizeGiB == 0 {
			plan.spec.SizeGiB = source.SizeGiB
		}
		if plan.spec.SizeGiB < source.SizeGiB {
			return plan, refuse(BlockDeviceMapping, "Volume of size %dGB is smaller than snapshot '%s', expect size >= %dGB", spec.SizeGiB, source.ID, source.SizeGiB)
		}
	}
	if err := plan.spec.fill(); err != nil {
		return plan, err
	}
	request := snapshot.Request{Operation: snapshot.CreateVolume, Source: sourceOf(plan.source, caller), Encrypted: spec.Encrypted}
	var err error
	plan.key, err = s.decide(ctx, caller, request, spec.KeyID, plan.source)
	return plan, err
}

// volumeType is what a volume type allows.
type volumeType struct {
	minGiB, maxGiB           int
	minIOPS, maxIOPS         int // 0: IOPS cannot be asked for
	maxIOPSPerGiB            int
	defaultIOPS              int // 0: must be given
	maxMiBps, defaultMiBps   int // 0: throughput cannot be asked for
	burstIOPS, burstIOPSPeak int // gp2: three for each GiB, within these
}

// typeNamed returns the volume type of that name. Sizes are AWS's, capped by maxVolumeGiB.
func typeNamed(name string) (volumeType, bool) {
	switch name {
	case "gp2":
		return volumeType{minGiB: 1, maxGiB: 16384, burstIOPS: 100, burstIOPSPeak: 16000}, true
	case "gp3":
		return volumeType{minGiB: 1, maxGiB: 65536, minIOPS: 3000, maxIOPS: 80000, maxIOPSPerGiB: 500, defaultIOPS: 3000, maxMiBps: 2000, defaultMiBps: 125}, true
	case "io1":
		return volumeType{minGiB: 4, maxGiB: 16384, minIOPS: 100, maxIOPS: 64000, maxIOPSPerGiB: 50}, true
	case "io2":
		return volumeType{minGiB: 4, maxGiB: 65536, minIOPS: 100, maxIOPS: 256000, maxIOPSPerGiB: 1000}, true
	case "st1", "sc1":
		return volumeType{minGiB: 125, maxGiB: 16384}, true
	case "standard":
		return volumeType{minGiB: 1, maxGiB: 1024}, true
	}
	return volumeType{}, false
}

// fill checks type, size and performance, and fills in the defaults.
func (d *DeviceSpec) fill() error {
	if d.Type == "" {
		d.Type = "gp2"
		if d.IOPS != 0 {
			return refuse(ParameterCombination, "The parameter iops is not supported for gp2 volumes.")
		}
	}
	t, ok := typeNamed(d.Type)
	if !ok {
		return refuse(UnknownVolumeType, "Unsupported volume type '%s' for volume creation.", d.Type)
	}
	if limit := min(t.maxGiB, maxVolumeGiB); d.SizeGiB < t.minGiB {
		return refuse(InvalidParameter, "Volume of %dGiB is too small for volume type %s; minimum is %dGiB.", d.SizeGiB, d.Type, t.minGiB)
	} else if d.SizeGiB > limit {
		return refuse(InvalidParameter, "Volume of %dGiB is too large for volume type %s; maximum is %dGiB.", d.SizeGiB, d.Type, limit)
	}
	if err := d.fillIOPS(t); err != nil {
		return err
	}
	return d.fillThroughput(t)
}

func (d *DeviceSpec) fillIOPS(t volumeType) error {
	switch {
	case t.burstIOPSPeak > 0 && d.IOPS == 0:
		d.IOPS = min(max(3*d.SizeGiB, t.burstIOPS), t.burstIOPSPeak)
		return nil
	case t.minIOPS == 0 && d.IOPS != 0 && d.IOPS != min(max(3*d.SizeGiB, t.burstIOPS), t.burstIOPSPeak):
		return refuse(ParameterCombination, "The parameter iops is not supported for %s volumes.", d.Type)
	case t.minIOPS == 0:
		return nil
	case d.IOPS == 0 && t.defaultIOPS == 0:
		return refuse(MissingParameter, "The parameter iops must be specified for %s volumes.", d.Type)
	case d.IOPS == 0:
		d.IOPS = t.defaultIOPS
		return nil
	case d.IOPS < t.minIOPS || d.IOPS > t.maxIOPS:
		return refuse(InvalidParameter, "Volume iops of %d is out of range for volume type %s; it must be between %d and %d.", d.IOPS, d.Type, t.minIOPS, t.maxIOPS)
	case d.IOPS > t.defaultIOPS && d.IOPS > t.maxIOPSPerGiB*d.SizeGiB:
		return refuse(ParameterCombination, "Iops to volume size ratio of %d is too high; maximum is %d.", d.IOPS/d.SizeGiB, t.maxIOPSPerGiB)
	}
	return nil
}

func (d *DeviceSpec) fillThroughput(t volumeType) error {
	switch {
	case t.maxMiBps == 0 && d.Throughput != 0:
		return refuse(ParameterCombination, "The parameter throughput is not supported for %s volumes.", d.Type)
	case t.maxMiBps == 0:
		return nil
	case d.Throughput == 0:
		d.Throughput = t.defaultMiBps
	case d.Throughput < t.defaultMiBps || d.Throughput > t.maxMiBps:
		return refuse(InvalidParameter, "Throughput (MiBps) of %d is out of range; it must be between %d and %d.", d.Throughput, t.defaultMiBps, t.maxMiBps)
	case d.Throughput > t.defaultMiBps && 4*d.Throughput > d.IOPS:
		return refuse(ParameterCombination, "Throughput (MiBps) to iops ratio of %.6f is too high; maximum is 0.250000 MiBps per iops.", float64(d.Throughput)/float64(d.IOPS))
	}
	return nil
}
