package ec2_test

import (
	"context"
	"testing"

	"coffer.example/internal/ec2"
	"coffer.example/internal/ec2/ec2test"
	"coffer.example/internal/testkit"
	"coffer.example/snapshot"
	"github.com/stretchr/testify/require"
)

// scenario uses every operation that has more than one step. It stops at the first
// error, as a client of a process that ended would.
func scenario(ctx context.Context, s *ec2.Service) error {
	caller := ec2test.Root(ec2test.Account)
	zone := ec2test.Region + "a"
	image := ec2.EmptyImageID(ec2test.Region)
	instances, err := s.RunInstances(ctx, caller, ec2.LaunchRequest{ImageID: image, MinCount: 1, MaxCount: 1, ClientToken: "launch-1"})
	if err != nil {
		return err
	}
	i := instances[0].ID
	v, err := s.CreateVolume(ctx, caller, ec2.VolumeRequest{Zone: zone, ClientToken: "create-1", DeviceSpec: ec2.DeviceSpec{SizeGiB: 1, Encrypted: snapshot.True, KeyID: "k1"}})
	if err != nil {
		return err
	}
	if _, err := s.AttachVolume(ctx, caller, ec2.AttachRequest{VolumeID: v.ID, InstanceID: i, Device: "/dev/sdf"}); err != nil {
		return err
	}
	snap, err := s.CreateSnapshot(ctx, caller, ec2.SnapshotRequest{VolumeID: v.ID})
	if err != nil {
		return err
	}
	copied, err := s.CopySnapshot(ctx, caller, ec2.CopySnapshotRequest{SourceID: snap.ID, Encrypted: snapshot.True, KeyID: "k2"})
	if err != nil {
		return err
	}
	if _, err := s.ModifyVolume(ctx, caller, ec2.ModifyVolumeRequest{VolumeID: v.ID, SizeGiB: 2}); err != nil {
		return err
	}
	made, err := s.CreateImage(ctx, caller, ec2.ImageRequest{InstanceID: i, Name: "made"})
	if err != nil {
		return err
	}
	registered, err := s.RegisterImage(ctx, caller, ec2.ImageRequest{Name: "registered", RootDevice: "/dev/sda1", Devices: []ec2.DeviceMapping{{Device: "/dev/sda1", Spec: ec2.DeviceSpec{SnapshotID: copied.ID}}}})
	if err != nil {
		return err
	}
	if _, err := s.CopyImage(ctx, caller, ec2.CopyImageRequest{SourceRegion: ec2test.Region, SourceID: registered.ID, Name: "copied", ClientToken: "copy-1"}); err != nil {
		return err
	}
	machines, err := s.RunInstances(ctx, caller, ec2.LaunchRequest{ImageID: registered.ID, MinCount: 1, MaxCount: 1})
	if err != nil {
		return err
	}
	uploaded, err := s.StartSnapshot(ctx, caller, ec2.UploadRequest{SizeGiB: 1, Encrypted: snapshot.True, KeyID: "k1"})
	if err != nil {
		return err
	}
	if err := s.PutSnapshotBlock(ctx, caller, uploaded.ID, 7, make([]byte, ec2.SnapshotBlockSize)); err != nil {
		return err
	}
	if _, err := s.CompleteSnapshot(ctx, caller, uploaded.ID, 1, nil); err != nil {
		return err
	}
	given, err := s.StartSnapshot(ctx, caller, ec2.UploadRequest{SizeGiB: 1})
	if err != nil {
		return err
	}
	m := []string{machines[0].ID}
	for _, step := range []func() error{
		func() error { _, err := s.StopInstances(ctx, caller, m, false); return err },
		func() error { _, err := s.StartInstances(ctx, caller, m, false); return err },
		func() error { _, err := s.DetachVolume(ctx, caller, ec2.DetachRequest{VolumeID: v.ID}); return err },
		func() error { return s.DeleteVolume(ctx, caller, v.ID, false) },
		func() error { return s.DeleteSnapshot(ctx, caller, given.ID, false) },
		func() error { _, err := s.TerminateInstances(ctx, caller, append(m, i), false); return err },
		func() error { return s.DeregisterImage(ctx, caller, made.ID, true, false) },
		func() error { return s.DeregisterImage(ctx, caller, registered.ID, false, false) },
		func() error { return s.DeleteSnapshot(ctx, caller, copied.ID, false) },
		func() error { return s.DeleteSnapshot(ctx, caller, snap.ID, false) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// The process ends before or after any step of any operation; the next start
// brings everything into agreement, and the scenario runs through on what is left.
func TestCrashAtEveryStep(t *testing.T) {
	ctx := context.Background()
	steps := testkit.EachFault(t, testkit.FailFrom, func(faults *testkit.Faults) {
		w := ec2test.New(t)
		s := w.Start()
		w.Faults = faults
		err := scenario(ctx, s)
		require.Equal(t, faults.Hit(), err != nil, "%v", err)
		s.Close()
		w.Faults = testkit.FailAt(0)
		again := w.Start()
		w.Check(again)
		again.Close()
	})
	require.Greater(t, steps, 100)
}

// One step fails and the process goes on. Until the next start some resource may be
// left between two states; then everything agrees.
func TestFailureAtEveryStep(t *testing.T) {
	ctx := context.Background()
	testkit.EachFault(t, testkit.FailAt, func(faults *testkit.Faults) {
		w := ec2test.New(t)
		s := w.Start()
		w.Faults = faults
		_ = scenario(ctx, s) // most failures are a state, not an error
		s.Close()
		w.Faults = testkit.FailAt(0)
		again := w.Start()
		w.Check(again)
		again.Close()
	})
}

// A crash during recovery is recovered from as well.
func TestCrashDuringRecovery(t *testing.T) {
	ctx := context.Background()
	for first := 5; first < 220; first += 9 {
		testkit.EachFault(t, testkit.FailFrom, func(faults *testkit.Faults) {
			w := ec2test.New(t)
			s := w.Start()
			w.Faults = testkit.FailFrom(first)
			_ = scenario(ctx, s)
			s.Close()
			w.Faults = faults
			w.Forget()
			if half, err := ec2.Open(ctx, w.Options()); err == nil {
				half.Close()
			}
			w.Faults = testkit.FailAt(0)
			again := w.Start()
			w.Check(again)
			again.Close()
		})
	}
}
