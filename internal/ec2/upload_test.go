package ec2_test

import (
	"sync"
	"testing"
	"time"

	"coffer.example/internal/ec2"
	"coffer.example/internal/ec2/ec2test"
	"coffer.example/kms"
	"coffer.example/snapshot"
	"github.com/stretchr/testify/require"
)

func (a at) upload(r ec2.UploadRequest) string {
	snap, err := a.StartSnapshot(a.ctx, a.caller, r)
	require.NoError(a.t, err)
	return snap.ID
}

// An upload that is not completed in time fails, and leaves nothing.
func TestUploadExpires(t *testing.T) {
	w := ec2test.New(t)
	a := in(t, w.Start())
	id := a.upload(ec2.UploadRequest{SizeGiB: 1, Timeout: 10 * time.Minute})
	block := make([]byte, ec2.SnapshotBlockSize)
	require.NoError(t, a.PutSnapshotBlock(a.ctx, a.caller, id, 0, block))
	w.Clock = w.Clock.Add(11 * time.Minute)
	err := a.PutSnapshotBlock(a.ctx, a.caller, id, 1, block)
	require.True(t, ec2.HasReason(err, ec2.UploadEnded), "%v", err)
	require.Eventually(t, func() bool { return a.snapshot(id).State == ec2.SnapshotError }, 5*time.Second, time.Millisecond)
	_, err = a.CompleteSnapshot(a.ctx, a.caller, id, 1, nil)
	require.True(t, ec2.HasReason(err, ec2.UploadEnded), "%v", err)
	w.Check(a.Service)
}

// An upload goes on after a restart, with what was acknowledged, and ends when its time is over.
func TestUploadAcrossRestart(t *testing.T) {
	w := ec2test.New(t)
	a := in(t, w.Start())
	block := make([]byte, ec2.SnapshotBlockSize)
	done, half, late := a.upload(ec2.UploadRequest{SizeGiB: 1}), a.upload(ec2.UploadRequest{SizeGiB: 1, Encrypted: snapshot.True, KeyID: "k1", Timeout: time.Hour}), a.upload(ec2.UploadRequest{SizeGiB: 1, Timeout: 10 * time.Minute})
	orphan := a.upload(ec2.UploadRequest{SizeGiB: 1, Timeout: time.Hour})
	_, err := a.CompleteSnapshot(a.ctx, a.caller, done, 0, nil)
	require.NoError(t, err)
	child := a.upload(ec2.UploadRequest{SizeGiB: 1, ParentID: done})
	require.NoError(t, a.PutSnapshotBlock(a.ctx, a.caller, half, 3, block))
	require.NoError(t, a.DeleteSnapshot(a.ctx, a.caller, done, false))
	require.NoError(t, a.Close())
	w.Clock = w.Clock.Add(11 * time.Minute)
	a = in(t, w.Start())
	require.Equal(t, ec2.SnapshotPending, a.snapshot(half).State)
	require.Equal(t, "The snapshot was not completed in time", a.snapshot(late).StateMessage)
	require.Contains(t, a.snapshot(child).StateMessage, "The parent snapshot was deleted")
	w.Check(a.Service)

	w.Keys.SetState(ec2test.Account, "k1", kms.Disabled)
	err = a.PutSnapshotBlock(a.ctx, a.caller, half, 4, block)
	require.True(t, ec2.HasReason(err, ec2.KeyUnavailable), "%v", err)
	w.Keys.SetState(ec2test.Account, "k1", kms.Enabled)
	require.NoError(t, a.PutSnapshotBlock(a.ctx, a.caller, half, 4, block))
	_, err = a.CompleteSnapshot(a.ctx, a.caller, half, 1, nil)
	require.True(t, ec2.HasReason(err, ec2.InvalidParameter), "%v", err)
	_, err = a.CompleteSnapshot(a.ctx, a.caller, half, 2, nil)
	require.NoError(t, err)
	snap, err := a.CompleteSnapshot(a.ctx, a.caller, half, 2, nil)
	require.NoError(t, err)
	require.Equal(t, ec2.SnapshotCompleted, snap.State, "completing again changes nothing")
	w.Clock = w.Clock.Add(time.Hour)
	a.KeysChanged() // looks at everything
	require.Eventually(t, func() bool { return a.snapshot(orphan).State == ec2.SnapshotError }, 5*time.Second, time.Millisecond)
	w.Check(a.Service)
}

// Blocks that arrive while the upload ends are in the snapshot or refused.
func TestUploadRacesWithItsEnd(t *testing.T) {
	w := ec2test.New(t)
	a := in(t, w.Start())
	for range 20 {
		id := a.upload(ec2.UploadRequest{SizeGiB: 1, Encrypted: snapshot.True, KeyID: "k1"})
		var wait sync.WaitGroup
		for n := range int64(8) {
			wait.Go(func() {
				err := a.PutSnapshotBlock(a.ctx, a.caller, id, n, make([]byte, ec2.SnapshotBlockSize))
				if err != nil && !ec2.HasReason(err, ec2.UploadEnded) && !ec2.HasReason(err, ec2.SnapshotNotFound) {
					t.Error(err)
				}
			})
		}
		wait.Go(func() {
			if err := a.DeleteSnapshot(a.ctx, a.caller, id, false); err != nil {
				t.Error(err)
			}
		})
		wait.Wait()
	}
	w.Check(a.Service)
}
