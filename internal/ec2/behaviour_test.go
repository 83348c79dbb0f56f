package ec2_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"coffer.example/internal/ec2"
	"coffer.example/internal/ec2/ec2test"
	"coffer.example/internal/meta"
	"coffer.example/kms"
	"coffer.example/snapshot"
	"github.com/stretchr/testify/require"
)

// at is a service in a world, with the root of an account.
type at struct {
	*ec2.Service
	t      *testing.T
	ctx    context.Context
	caller kms.Caller
}

func in(t *testing.T, s *ec2.Service) at {
	return at{s, t, context.Background(), ec2test.Root(ec2test.Account)}
}

func (a at) instance() string {
	made, err := a.RunInstances(a.ctx, a.caller, ec2.LaunchRequest{ImageID: ec2.EmptyImageID(ec2test.Region), MinCount: 1, MaxCount: 1})
	require.NoError(a.t, err)
	return made[0].ID
}

func (a at) create(spec ec2.DeviceSpec) string {
	v, err := a.CreateVolume(a.ctx, a.caller, ec2.VolumeRequest{Zone: ec2test.Region + "a", DeviceSpec: spec})
	require.NoError(a.t, err)
	return v.ID
}

func (a at) attached(device string) (volume, instance string) {
	volume, instance = a.create(ec2.DeviceSpec{SizeGiB: 1, Encrypted: snapshot.True, KeyID: "k1"}), a.instance()
	_, err := a.AttachVolume(a.ctx, a.caller, ec2.AttachRequest{VolumeID: volume, InstanceID: instance, Device: device})
	require.NoError(a.t, err)
	return volume, instance
}

func (a at) volume(id string) ec2.Volume {
	page, err := a.DescribeVolumes(a.ctx, a.caller, ec2.Query{IDs: []string{id}})
	require.NoError(a.t, err)
	return page.Items[0]
}

func (a at) snapshot(id string) ec2.Snapshot {
	page, err := a.DescribeSnapshots(a.ctx, a.caller, ec2.Visible{}, ec2.Query{IDs: []string{id}})
	require.NoError(a.t, err)
	return page.Items[0]
}

func TestDetachWaitsForClients(t *testing.T) {
	w := ec2test.New(t)
	a := in(t, w.Start())
	volume, _ := a.attached("/dev/sdf")
	leave := w.Exports.Connect(volume)
	v, err := a.DetachVolume(a.ctx, a.caller, ec2.DetachRequest{VolumeID: volume})
	require.NoError(t, err)
	require.Equal(t, ec2.Detaching, v.Attachment.State)
	require.Equal(t, ec2.Detaching, a.volume(volume).Attachment.State)
	_, err = a.DetachVolume(a.ctx, a.caller, ec2.DetachRequest{VolumeID: volume})
	require.True(t, ec2.HasReason(err, ec2.IncorrectState), "%v", err)
	err = a.DeleteVolume(a.ctx, a.caller, volume, false)
	require.True(t, ec2.HasReason(err, ec2.VolumeInUse), "%v", err)
	leave()
	require.Eventually(t, func() bool { return a.volume(volume).State == ec2.VolumeAvailable }, 5*time.Second, time.Millisecond)
	w.Check(a.Service)
}

func TestForceCutsClients(t *testing.T) {
	w := ec2test.New(t)
	a := in(t, w.Start())
	volume, _ := a.attached("/dev/sdf")
	defer w.Exports.Connect(volume)()
	_, err := a.DetachVolume(a.ctx, a.caller, ec2.DetachRequest{VolumeID: volume})
	require.NoError(t, err)
	_, err = a.DetachVolume(a.ctx, a.caller, ec2.DetachRequest{VolumeID: volume, Force: true})
	require.NoError(t, err)
	require.Equal(t, ec2.VolumeAvailable, a.volume(volume).State)
}

// A service that closes while a volume waits for its clients goes on at the next start.
func TestDetachAcrossRestart(t *testing.T) {
	w := ec2test.New(t)
	a := in(t, w.Start())
	volume, _ := a.attached("/dev/sdf")
	defer w.Exports.Connect(volume)()
	_, err := a.DetachVolume(a.ctx, a.caller, ec2.DetachRequest{VolumeID: volume})
	require.NoError(t, err)
	require.NoError(t, a.Close())
	a = in(t, w.Start())
	require.Equal(t, ec2.VolumeAvailable, a.volume(volume).State)
	w.Check(a.Service)
}

func TestTerminateCutsClientsAndKeepsWhatIsNotItsOwn(t *testing.T) {
	w := ec2test.New(t)
	a := in(t, w.Start())
	volume, instance := a.attached("/dev/sdf")
	defer w.Exports.Connect(volume)()
	_, err := a.TerminateInstances(a.ctx, a.caller, []string{instance}, false)
	require.NoError(t, err)
	require.Equal(t, ec2.VolumeAvailable, a.volume(volume).State)
	w.Check(a.Service)

	// It is seen for an hour.
	w.Clock = w.Clock.Add(59 * time.Minute)
	require.NoError(t, a.Close())
	a = in(t, w.Start())
	page, err := a.DescribeInstances(a.ctx, a.caller, ec2.Query{IDs: []string{instance}})
	require.NoError(t, err)
	require.Equal(t, ec2.InstanceTerminated, page.Items[0].State)
	w.Clock = w.Clock.Add(2 * time.Minute)
	require.NoError(t, a.Close())
	a = in(t, w.Start())
	_, err = a.DescribeInstances(a.ctx, a.caller, ec2.Query{IDs: []string{instance}})
	require.True(t, ec2.HasReason(err, ec2.InstanceNotFound), "%v", err)
}

// Copies take their time, across restarts, and only so many at once.
func TestSlowCopies(t *testing.T) {
	w := ec2test.New(t)
	w.Engine.Slow = 100
	a := in(t, w.Start())
	source, err := a.CreateSnapshot(a.ctx, a.caller, ec2.SnapshotRequest{VolumeID: a.create(ec2.DeviceSpec{SizeGiB: 1, Encrypted: snapshot.True, KeyID: "k1"})})
	require.NoError(t, err)
	copies := make([]string, 20)
	for i := range copies {
		made, err := a.CopySnapshot(a.ctx, a.caller, ec2.CopySnapshotRequest{SourceID: source.ID, Encrypted: snapshot.True, KeyID: "k2"})
		require.NoError(t, err)
		copies[i] = made.ID
	}
	_, err = a.CopySnapshot(a.ctx, a.caller, ec2.CopySnapshotRequest{SourceID: source.ID, Encrypted: snapshot.True, KeyID: "k2"})
	require.True(t, ec2.HasReason(err, ec2.ConcurrentCopies), "%v", err)
	now := a.snapshot(copies[0])
	require.Equal(t, ec2.SnapshotPending, now.State)
	require.Positive(t, now.Progress())
	require.Less(t, now.Progress(), 100)
	_, err = a.CopySnapshot(a.ctx, a.caller, ec2.CopySnapshotRequest{SourceID: copies[0]})
	require.True(t, ec2.HasReason(err, ec2.IncorrectState), "%v", err)
	image, err := a.RegisterImage(a.ctx, a.caller, ec2.ImageRequest{Name: "of source", RootDevice: "/dev/sda1", Devices: []ec2.DeviceMapping{{Device: "/dev/sda1", Spec: ec2.DeviceSpec{SnapshotID: source.ID}}}})
	require.NoError(t, err)

	require.NoError(t, a.Close())
	a = in(t, w.Start())
	for range 100 {
		a.snapshot(copies[0])
	}
	require.Equal(t, ec2.SnapshotCompleted, a.snapshot(copies[0]).State)
	require.NoError(t, a.DeleteSnapshot(a.ctx, a.caller, copies[1], false), "a copy in progress is given up")

	// An image copy is pending until its last snapshot is there.
	copied, err := a.CopyImage(a.ctx, a.caller, ec2.CopyImageRequest{SourceRegion: ec2test.Region, SourceID: image.ID, Name: "copy", Encrypted: snapshot.True, KeyID: "k2"})
	require.NoError(t, err)
	states := map[ec2.ImageState]bool{}
	for range 120 {
		page, err := a.DescribeImages(a.ctx, a.caller, ec2.Visible{}, ec2.Query{IDs: []string{copied.ID}})
		require.NoError(t, err)
		states[page.Items[0].State] = true
	}
	require.Equal(t, map[ec2.ImageState]bool{ec2.ImagePending: true, ec2.ImageAvailable: true}, states)
}

// Requests for the same resource at once: one wins, nothing is lost.
func TestConcurrentRequests(t *testing.T) {
	w := ec2test.New(t)
	a := in(t, w.Start())
	volume, instance := a.create(ec2.DeviceSpec{SizeGiB: 1, Encrypted: snapshot.True, KeyID: "k1"}), a.instance()
	var won atomic.Int32
	var wait sync.WaitGroup
	for n := range 16 {
		wait.Go(func() {
			_, err := a.AttachVolume(a.ctx, a.caller, ec2.AttachRequest{VolumeID: volume, InstanceID: instance, Device: fmt.Sprintf("/dev/sd%c", 'f'+n%8)})
			if err == nil {
				won.Add(1)
			} else if !ec2.HasReason(err, ec2.VolumeInUse) {
				t.Error(err)
			}
		})
		wait.Go(func() {
			v, err := a.CreateVolume(a.ctx, a.caller, ec2.VolumeRequest{Zone: ec2test.Region + "a", DeviceSpec: ec2.DeviceSpec{SizeGiB: 1}, ClientToken: "same"})
			if err != nil {
				t.Error(err)
			} else if !strings.HasPrefix(v.ID, "vol-") {
				t.Error("no volume")
			}
		})
		wait.Go(func() {
			if err := a.CreateTags(a.ctx, a.caller, []string{volume, instance}, ec2.Tags{fmt.Sprint(n): "x"}, false); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	require.Equal(t, int32(1), won.Load())
	page, err := a.DescribeVolumes(a.ctx, a.caller, ec2.Query{})
	require.NoError(t, err)
	require.Len(t, page.Items, 2, "one token, one volume")
	require.Len(t, a.volume(volume).Tags, 16)
	w.Check(a.Service)
}

// A request whose client leaves goes on; one that has not begun does not.
func TestClientLeaves(t *testing.T) {
	w := ec2test.New(t)
	a := in(t, w.Start())
	gone, cancel := context.WithCancel(a.ctx)
	cancel()
	_, err := a.CreateVolume(gone, a.caller, ec2.VolumeRequest{Zone: ec2test.Region + "a", DeviceSpec: ec2.DeviceSpec{SizeGiB: 1}})
	require.ErrorIs(t, err, context.Canceled)
	w.Check(a.Service)
}

func TestTokensExpire(t *testing.T) {
	w := ec2test.New(t)
	a := in(t, w.Start())
	request := ec2.VolumeRequest{Zone: ec2test.Region + "a", DeviceSpec: ec2.DeviceSpec{SizeGiB: 1}, ClientToken: "token"}
	first, err := a.CreateVolume(a.ctx, a.caller, request)
	require.NoError(t, err)
	require.NoError(t, a.Close())
	w.Clock = w.Clock.Add(25 * time.Hour)
	a = in(t, w.Start())
	second, err := a.CreateVolume(a.ctx, a.caller, request)
	require.NoError(t, err)
	require.NotEqual(t, first.ID, second.ID)
}

// Pages give every item once, whatever comes and goes between them.
func TestPages(t *testing.T) {
	w := ec2test.New(t)
	a := in(t, w.Start())
	other := ec2test.Root(ec2test.OtherAccount)
	want := map[string]bool{}
	for n := range 30 {
		owner := a.caller
		if n%3 != 0 {
			owner = other
		}
		v, err := a.CreateVolume(a.ctx, owner, ec2.VolumeRequest{Zone: ec2test.Region + "a", DeviceSpec: ec2.DeviceSpec{SizeGiB: 1}})
		require.NoError(t, err)
		snap, err := a.CreateSnapshot(a.ctx, owner, ec2.SnapshotRequest{VolumeID: v.ID, Tags: ec2.Tags{"n": fmt.Sprint(n)}})
		require.NoError(t, err)
		switch n % 3 {
		case 1: // shared, and half of them public as well
			require.NoError(t, a.ModifySnapshotSharing(a.ctx, other, snap.ID, ec2.ShareChange{Add: []string{ec2test.Account}, AddPublic: n%2 == 0}, false))
		case 2:
			require.NoError(t, a.ModifySnapshotSharing(a.ctx, other, snap.ID, ec2.ShareChange{AddPublic: true}, false))
		}
		want[snap.ID] = true
	}
	for _, limit := range []int{1, 4, 7, 30, 100} {
		got := map[string]bool{}
		q := ec2.Query{Limit: limit}
		for {
			page, err := a.DescribeSnapshots(a.ctx, a.caller, ec2.Visible{}, q)
			require.NoError(t, err)
			require.LessOrEqual(t, len(page.Items), limit)
			for _, snap := range page.Items {
				require.False(t, got[snap.ID], "%s twice", snap.ID)
				got[snap.ID] = true
				require.Equal(t, snap.Owner == ec2test.Account, snap.Tags != nil, "only the owner sees tags")
			}
			if q.Cursor = page.Next; page.Next == "" {
				break
			}
		}
		require.Equal(t, want, got, "pages of %d", limit)
	}
	_, err := a.DescribeSnapshots(a.ctx, a.caller, ec2.Visible{}, ec2.Query{Cursor: "9:x"})
	require.True(t, ec2.HasReason(err, ec2.InvalidNextToken), "%v", err)
	tags := map[string]bool{}
	for q := (ec2.Query{Limit: 3}); ; {
		page, err := a.DescribeTags(a.ctx, a.caller, q)
		require.NoError(t, err)
		for _, tag := range page.Items {
			require.False(t, tags[tag.ResourceID])
			tags[tag.ResourceID] = true
		}
		if q.Cursor = page.Next; page.Next == "" {
			break
		}
	}
	require.Len(t, tags, 10)
}

// A store that fails fails the request, and no refusal hides it.
func TestStoreFails(t *testing.T) {
	w := ec2test.New(t)
	a := in(t, w.Start())
	volume := a.create(ec2.DeviceSpec{SizeGiB: 1})
	require.NoError(t, w.Store.Close())
	_, err := a.DescribeVolumes(a.ctx, a.caller, ec2.Query{IDs: []string{volume}})
	require.ErrorIs(t, err, meta.ErrFailed)
	var refusal *ec2.Error
	require.False(t, errors.As(err, &refusal))
}
