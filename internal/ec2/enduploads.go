package ec2

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"

	"coffer.example/kms"
)

// CompleteSnapshot ends an upload. changed is how many blocks the client says it has
// written; checksum, if there is one, the digest of their digests in order. Where they
// do not agree with what is here nothing is changed, and the upload goes on.
func (s *Service) CompleteSnapshot(ctx context.Context, caller kms.Caller, id string, changed int64, checksum []byte) (Snapshot, error) {
	if err := kindSnapshot().check(id); err != nil {
		return Snapshot{}, err
	}
	release, err := s.locks.Acquire(ctx, id)
	if err != nil {
		return Snapshot{}, err
	}
	defer release()
	snap, err := s.ownSnapshot(ctx, caller, id)
	if err == nil && snap.Value.Upload != nil && snap.Value.State == SnapshotCompleted {
		return snap.Value, nil // again
	}
	if err != nil {
		return Snapshot{}, err
	}
	u, err := s.findUpload(ctx, caller, id)
	if err != nil {
		return Snapshot{}, err
	}
	u.turn.Lock()
	defer u.turn.Unlock()
	if err := s.checkUploaded(ctx, id, u, changed, checksum); err != nil {
		return Snapshot{}, err
	}
	ctx = settled(ctx)
	if err := s.blocks.EndUpload(ctx, id); err != nil {
		return Snapshot{}, err
	}
	u.ended = true
	s.forgetUpload(id)
	return edit(ctx, s, snap.Value, func(snap *Snapshot) { snap.State, snap.Completed = SnapshotCompleted, s.now() })
}

// checkUploaded compares what was written with what the client says. The blocks are read back.
func (s *Service) checkUploaded(ctx context.Context, id string, u *upload, changed int64, checksum []byte) error {
	indexes := u.indexes()
	if int64(len(indexes)) != changed {
		return refuse(InvalidParameter, "The number of changed blocks is %d, not %d", len(indexes), changed)
	}
	if checksum == nil {
		return nil
	}
	whole, block := sha256.New(), make([]byte, SnapshotBlockSize)
	for _, index := range indexes {
		if err := s.blocks.ReadUploaded(ctx, id, index, block); err != nil {
			return err
		}
		sum := sha256.Sum256(block)
		whole.Write(sum[:])
	}
	if subtle.ConstantTimeCompare(whole.Sum(nil), checksum) != 1 {
		return refuse(ChecksumMismatch, "The checksum does not match the blocks that were written")
	}
	return nil
}

func (s *Service) forgetUpload(id string) *upload {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.uploads[id]
	delete(s.uploads, id)
	return u
}

// dropUpload ends an upload for good; the lock of its snapshot is held.
func (s *Service) dropUpload(ctx context.Context, id string) error {
	if u := s.forgetUpload(id); u != nil {
		u.turn.Lock()
		defer u.turn.Unlock()
		u.ended = true
	}
	if s.blocks == nil {
		return nil
	}
	return s.blocks.AbortUpload(ctx, id)
}

// expireUploads fails the uploads whose time is over.
func (s *Service) expireUploads(ctx context.Context) {
	now := s.now()
	s.mu.Lock()
	var ids []string
	for id, u := range s.uploads {
		if now.After(u.ends) {
			ids = append(ids, id)
		}
	}
	s.mu.Unlock()
	for _, id := range ids {
		if err := s.failUpload(ctx, id, outOfTime); err != nil {
			s.log.Error("upload not ended", "snapshot", id, "error", err)
		}
	}
}

func (s *Service) failUpload(ctx context.Context, id, reason string) error {
	release, err := s.locks.Acquire(ctx, id)
	if err != nil {
		return err
	}
	defer release()
	s.mu.Lock()
	u := s.uploads[id]
	s.mu.Unlock()
	if u == nil {
		return nil
	}
	if err := s.dropUpload(ctx, id); err != nil {
		return err
	}
	s.discard(id, s.engine.DeleteSnapshot(ctx, id)) // of an end that failed half-way
	_, err = edit(ctx, s, Snapshot{ID: id, Region: u.at.Region, Owner: u.at.Owner}, func(snap *Snapshot) {
		snap.State, snap.StateMessage = SnapshotError, reason
	})
	return err
}
