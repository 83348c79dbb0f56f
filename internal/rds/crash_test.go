package rds_test

import (
	"testing"

	"coffer.example/internal/rds"
	"coffer.example/internal/rds/rdstest"
	"coffer.example/internal/testkit"
	"github.com/stretchr/testify/require"
)

// step is one request.
type step func(s *rds.Service, key, otherKey string) error

func made(s *rds.Service, key, _ string) error {
	return second(s.CreateDatabase(ctx, root, rds.Cluster, "main", spec(key)))
}

func snapped(s *rds.Service, _, _ string) error {
	return second(s.CreateSnapshot(ctx, root, rds.Cluster, "main", "snap", nil))
}

// lives are what databases go through; afterwards everything is deleted.
func lives() map[string][]step {
	change := func(change rds.Change) step {
		return func(s *rds.Service, _, _ string) error {
			return second(s.ModifyDatabase(ctx, root, rds.Cluster, "main", change))
		}
	}
	return map[string][]step{
		"change": {
			made,
			func(s *rds.Service, _, _ string) error { return second(s.Stop(ctx, root, rds.Cluster, "main", "")) },
			func(s *rds.Service, _, _ string) error { return second(s.Start(ctx, root, rds.Cluster, "main")) },
			func(s *rds.Service, _, _ string) error { return second(s.Reboot(ctx, root, rds.Cluster, "main")) },
			change(rds.Change{GiB: 2}), change(rds.Change{NewName: "renamed"}),
		},
		"restore": {made, snapped, func(s *rds.Service, _, otherKey string) error {
			return second(s.RestoreSnapshot(ctx, root, rds.Cluster, "back", rds.Cluster, "snap", rds.Spec{KeyID: otherKey}))
		}, func(s *rds.Service, _, _ string) error {
			return second(s.RestorePoint(ctx, root, rds.Point{Kind: rds.Cluster, Database: "main", Latest: true}, "point", rds.Spec{}))
		}},
		"copy": {made, snapped, func(s *rds.Service, _, otherKey string) error {
			return second(s.CopySnapshot(ctx, root, rds.CopyRequest{Kind: rds.Cluster, Source: "snap", Target: "copy", KeyID: otherKey}))
		}, func(s *rds.Service, _, _ string) error {
			return second(s.ModifySharing(ctx, root, rds.Cluster, "snap", []string{rdstest.OtherAccount}, nil))
		}},
	}
}

// live takes the steps and deletes everything; it stops at the first error.
func live(s *rds.Service, steps []step, key, otherKey string) error {
	for _, step := range steps {
		if err := step(s, key, otherKey); err != nil {
			return err
		}
	}
	return clearAll(s)
}

// clearAll deletes every database and snapshot.
func clearAll(s *rds.Service) error {
	databases, err := s.Databases(ctx, root, rds.Cluster, rds.Query{})
	if err != nil {
		return err
	}
	for _, d := range databases.Items {
		if _, err := s.DeleteDatabase(ctx, root, rds.Cluster, d.Name, rds.Deletion{SkipFinal: true}); err != nil {
			return err
		}
	}
	snapshots, err := s.Snapshots(ctx, root, rds.Cluster, rds.SnapshotQuery{Type: "manual"})
	if err != nil {
		return err
	}
	for _, snap := range snapshots.Items {
		if _, err := s.DeleteSnapshot(ctx, root, rds.Cluster, snap.Name); err != nil {
			return err
		}
	}
	return nil
}

// The process dies before and after each change of the catalogue and the engine in turn. After the restart every
// database and snapshot that is found works, the same work can be done anew, and deleting everything leaves
// no record, object or grant.
func TestCrashAtEveryChange(t *testing.T) {
	for name, steps := range lives() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			operations := testkit.EachFault(t, testkit.FailFrom, func(faults *testkit.Faults) { crash(t, steps, faults) })
			require.Greater(t, operations, 20)
		})
	}
}

func crash(t *testing.T, steps []step, faults *testkit.Faults) {
	w := rdstest.New(t)
	key, otherKey := newKey(t, w, root, ""), newKey(t, w, root, "")
	w.Faults = faults
	died := live(w.Start(), steps, key, otherKey)
	w.Faults = nil
	if died == nil {
		requireClean(t, w, key, otherKey)
		return
	}
	s := w.Restart()
	databases, err := s.Databases(ctx, root, rds.Cluster, rds.Query{})
	require.NoError(t, err)
	for _, d := range databases.Items {
		require.Contains(t, []rds.State{rds.Available, rds.Stopped}, d.State, d.Name)
		require.Equal(t, d.State == rds.Available, w.Exports.Device(d.VolumeID) != nil, d.Name)
		if device := w.Exports.Device(d.VolumeID); device != nil {
			require.Equal(t, int64(d.GiB)<<30, device.Size(), d.Name)
		}
	}
	require.NoError(t, clearAll(s))
	requireClean(t, w, key, otherKey)
	require.NoError(t, live(s, steps, key, otherKey))
	requireClean(t, w, key, otherKey)
}
