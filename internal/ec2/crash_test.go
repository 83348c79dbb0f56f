package ec2

import (
	"context"
	"testing"

	"coffer.example/internal/testkit"
	"coffer.example/snapshot"
	"github.com/stretchr/testify/require"
)

// scenario uses every operation that has more than one step. It stops at the first
// error, as a client of a process that ended would.
func scenario(ctx context.Context, s *Service) error {
	caller := rootOf(testAccount)
	zone := testRegion + "a"
	image := builtinImage(testRegion).ID
	instances, err := s.RunInstances(ctx, caller, LaunchRequest{ImageID: image, MinCount: 1, MaxCount: 1, ClientToken: "launch-1"})
	if err != nil {
		return err
	}
	i := instances[0].ID
	v, err := s.CreateVolume(ctx, caller, VolumeRequest{Zone: zone, ClientToken: "create-1", DeviceSpec: DeviceSpec{SizeGiB: 1, Encrypted: snapshot.True, KeyID: "k1"}})
	if err != nil {
		return err
	}
	if _, err := s.AttachVolume(ctx, caller, AttachRequest{VolumeID: v.ID, InstanceID: i, Device: "/dev/sdf"}); err != nil {
		return err
	}
	snap, err := s.CreateSnapshot(ctx, caller, SnapshotRequest{VolumeID: v.ID})
	if err != nil {
		return err
	}
	copied, err := s.CopySnapshot(ctx, caller, CopySnapshotRequest{SourceID: snap.ID, Encrypted: snapshot.True, KeyID: "k2"})
	if err != nil {
		return err
	}
	if _, err := s.ModifyVolume(ctx, caller, ModifyVolumeRequest{VolumeID: v.ID, SizeGiB: 2}); err != nil {
		return err
	}
	made, err := s.CreateImage(ctx, caller, ImageRequest{InstanceID: i, Name: "made"})
	if err != nil {
		return err
	}
	registered, err := s.RegisterImage(ctx, caller, ImageRequest{Name: "registered", RootDevice: "/dev/sda1", Devices: []DeviceMapping{{Device: "/dev/sda1", Spec: DeviceSpec{SnapshotID: copied.ID}}}})
	if err != nil {
		return err
	}
	if _, err := s.CopyImage(ctx, caller, CopyImageRequest{SourceRegion: testRegion, SourceID: registered.ID, Name: "copied", ClientToken: "copy-1"}); err != nil {
		return err
	}
	machines, err := s.RunInstances(ctx, caller, LaunchRequest{ImageID: registered.ID, MinCount: 1, MaxCount: 1})
	if err != nil {
		return err
	}
	m := []string{machines[0].ID}
	for _, step := range []func() error{
		func() error { _, err := s.StopInstances(ctx, caller, m, false); return err },
		func() error { _, err := s.StartInstances(ctx, caller, m, false); return err },
		func() error { _, err := s.DetachVolume(ctx, caller, DetachRequest{VolumeID: v.ID}); return err },
		func() error { return s.DeleteVolume(ctx, caller, v.ID, false) },
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
		w := newWorld(t)
		s := w.start()
		w.faults = faults
		err := scenario(ctx, s)
		require.Equal(t, faults.Hit(), err != nil, "%v", err)
		s.Close()
		w.faults = testkit.FailAt(0)
		w.start().Close()
		w.check()
	})
	require.Greater(t, steps, 100)
}

// One step fails and the process goes on. Until the next start some resource may be
// left between two states; then everything agrees.
func TestFailureAtEveryStep(t *testing.T) {
	ctx := context.Background()
	testkit.EachFault(t, testkit.FailAt, func(faults *testkit.Faults) {
		w := newWorld(t)
		s := w.start()
		w.faults = faults
		_ = scenario(ctx, s) // most failures are a state, not an error
		s.Close()
		w.faults = testkit.FailAt(0)
		w.start().Close()
		w.check()
	})
}

// A crash during recovery is recovered from as well.
func TestCrashDuringRecovery(t *testing.T) {
	ctx := context.Background()
	for first := 5; first < 220; first += 9 {
		testkit.EachFault(t, testkit.FailFrom, func(faults *testkit.Faults) {
			w := newWorld(t)
			s := w.start()
			w.faults = testkit.FailFrom(first)
			_ = scenario(ctx, s)
			s.Close()
			w.faults = faults
			w.engine.open, w.ports.published = map[string]bool{}, map[string]bool{}
			if again, err := Open(ctx, w.options()); err == nil {
				again.Close()
			}
			w.faults = testkit.FailAt(0)
			w.start().Close()
			w.check()
		})
	}
}
