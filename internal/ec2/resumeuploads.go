package ec2

import (
	"context"

	"coffer.example/kms"
)

// Why an upload failed.
const (
	outOfTime   = "The snapshot was not completed in time"
	parentGone  = "The parent snapshot was deleted and the service restarted before this was finished"
	noUploading = "Snapshots cannot be written block by block here any more"
)

// recoverUpload decides about an upload of an earlier process: it goes on if the engine
// has it and its time is not over. What it had written is told from what its parent
// shows only while the parent is there.
func (s *Service) recoverUpload(ctx context.Context, snap Snapshot, ended, begun bool) (goesOn bool, reason string, err error) {
	reason = interrupted
	switch {
	case s.blocks == nil:
		return false, noUploading, nil
	case ended || !begun:
	case s.now().After(snap.Started.Add(snap.Upload.Timeout)):
		reason = outOfTime
	default:
		if snap.Upload.ParentID != "" {
			_, err = s.usableSnapshot(ctx, kms.Caller{Account: snap.Owner, Region: snap.Region}, snap.Upload.ParentID)
		}
		if err == nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.uploads[snap.ID] = newUpload(snap, false)
			return true, "", nil
		}
		if !HasReason(err, SnapshotNotFound) {
			return false, "", err
		}
		reason = parentGone
	}
	return false, reason, s.dropUpload(ctx, snap.ID)
}

// resume opens an upload that an earlier process began, as the caller may.
func (s *Service) resume(ctx context.Context, caller kms.Caller, id string, u *upload) error {
	u.turn.Lock()
	defer u.turn.Unlock()
	if u.open || u.ended {
		return nil
	}
	if err := s.blocks.ResumeUpload(settled(ctx), id, s.keyring(caller), u.mark); err != nil {
		return keyRefusal(err)
	}
	u.open = true
	return nil
}
