package ec2test

import (
	"context"
	"maps"
	"slices"

	"coffer.example/internal/ec2"
	"coffer.example/kms"
	"github.com/stretchr/testify/require"
)

// Check fails the test unless the catalogue of a service that is at rest agrees with
// the engine, the grants and the exports, and nothing is between two states.
func (w *World) Check(s *ec2.Service) {
	w.t.Helper()
	var volumes, snapshots, uploads, open, granted []string
	for _, account := range []string{Account, OtherAccount} {
		states := w.checkInstances(s, account)
		for _, v := range all(w, s.DescribeVolumes, account) {
			if v.State != ec2.VolumeError {
				volumes = append(volumes, v.ID)
			}
			if w.checkVolume(v, states) {
				open = append(open, v.ID)
				if v.Encrypted {
					granted = append(granted, v.ID)
				}
			}
		}
		completed, uploading := w.checkSnapshots(s, account)
		snapshots, uploads = append(snapshots, completed...), append(uploads, uploading...)
	}
	require.ElementsMatch(w.t, volumes, slices.Collect(maps.Keys(w.Engine.volumes)), "volumes")
	require.ElementsMatch(w.t, snapshots, slices.Collect(maps.Keys(w.Engine.snapshots)), "snapshots")
	require.ElementsMatch(w.t, open, slices.Collect(maps.Keys(w.Engine.open)), "open volumes")
	require.ElementsMatch(w.t, open, slices.Collect(maps.Keys(w.Exports.published)), "exports")
	require.ElementsMatch(w.t, granted, w.Keys.Grants(), "grants")
	begun, err := w.Blocks.Uploads(context.Background())
	require.NoError(w.t, err)
	require.ElementsMatch(w.t, uploads, begun, "uploads")
}

// all lists what an account owns.
func all[T any](w *World, describe func(context.Context, kms.Caller, ec2.Query) (ec2.Page[T], error), account string) []T {
	page, err := describe(context.Background(), Root(account), ec2.Query{})
	require.NoError(w.t, err)
	require.Empty(w.t, page.Next)
	return page.Items
}

// checkInstances returns the instances by id.
func (w *World) checkInstances(s *ec2.Service, account string) map[string]ec2.Instance {
	out := map[string]ec2.Instance{}
	for _, i := range all(w, s.DescribeInstances, account) {
		require.Contains(w.t, []ec2.InstanceState{ec2.InstanceRunning, ec2.InstanceStopped, ec2.InstanceTerminated}, i.State)
		out[i.ID] = i
		for _, d := range i.Devices {
			page, err := s.DescribeVolumes(context.Background(), Root(account), ec2.Query{IDs: []string{d.VolumeID}})
			require.NoError(w.t, err, "%s of %s", d.VolumeID, i.ID)
			require.NotNil(w.t, page.Items[0].Attachment, "%s of %s", d.VolumeID, i.ID)
			require.Equal(w.t, i.ID, page.Items[0].Attachment.InstanceID)
		}
	}
	return out
}

// checkVolume says whether the volume should be open.
func (w *World) checkVolume(v ec2.Volume, instances map[string]ec2.Instance) bool {
	require.Contains(w.t, []ec2.VolumeState{ec2.VolumeAvailable, ec2.VolumeInUseNow, ec2.VolumeError}, v.State, v.ID)
	require.Equal(w.t, v.State == ec2.VolumeInUseNow, v.Attachment != nil, "%s %s", v.ID, v.State)
	a := v.Attachment
	if a == nil {
		return false
	}
	require.Equal(w.t, ec2.Attached, a.State)
	i := instances[a.InstanceID]
	require.Contains(w.t, i.Devices, ec2.InstanceDevice{Device: a.Device, VolumeID: v.ID})
	require.Equal(w.t, i.State == ec2.InstanceRunning, a.Serving)
	return a.Serving
}

// checkSnapshots returns the completed snapshots and those being uploaded, and checks the images too.
func (w *World) checkSnapshots(s *ec2.Service, account string) (completed, uploads []string) {
	own := ec2.Visible{Owners: []string{"self"}}
	page, err := s.DescribeSnapshots(context.Background(), Root(account), own, ec2.Query{})
	require.NoError(w.t, err)
	for _, snap := range page.Items {
		switch {
		case snap.State == ec2.SnapshotCompleted:
			completed = append(completed, snap.ID)
		case snap.State == ec2.SnapshotPending && snap.Upload != nil:
			uploads = append(uploads, snap.ID)
		default:
			require.Equal(w.t, ec2.SnapshotError, snap.State, snap.ID)
		}
	}
	images, err := s.DescribeImages(context.Background(), Root(account), own, ec2.Query{})
	require.NoError(w.t, err)
	for _, i := range images.Items {
		require.Contains(w.t, []ec2.ImageState{ec2.ImageAvailable, ec2.ImageFailed}, i.State, i.ID)
	}
	return completed, uploads
}
