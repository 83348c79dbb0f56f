package ec2

import (
	"context"
	"errors"
	"slices"

	"coffer.example/kms"
)

// BlockList is a page of a snapshot's blocks. Next is the index to go on from, -1 at the end.
type BlockList struct {
	Snapshot Snapshot // the newer one
	Indexes  []int64
	Next     int64
}

// SnapshotBlocks lists the blocks that a snapshot has, from an index.
func (s *Service) SnapshotBlocks(ctx context.Context, caller kms.Caller, id string, from int64, limit int) (BlockList, error) {
	return s.ChangedBlocks(ctx, caller, "", id, from, limit)
}

// ChangedBlocks lists the blocks of a snapshot that may differ from an older one's,
// from an index. An empty older stands for nothing.
func (s *Service) ChangedBlocks(ctx context.Context, caller kms.Caller, olderID, newerID string, from int64, limit int) (BlockList, error) {
	out := BlockList{Next: -1}
	var err error
	if out.Snapshot, err = s.readable(ctx, caller, newerID); err != nil {
		return out, err
	}
	if olderID != "" {
		if _, err := s.readable(ctx, caller, olderID); err != nil {
			return out, err
		}
	}
	q := ChangeQuery{OlderID: olderID, NewerID: newerID, From: from, Keys: s.keyring(caller)}
	err = s.blocks.ChangedBlocks(ctx, q, func(index int64) bool {
		if len(out.Indexes) == limit {
			out.Next = index
			return false
		}
		out.Indexes = append(out.Indexes, index)
		return true
	})
	if errors.Is(err, ErrUnrelatedObjects) {
		return out, refuse(UnrelatedSnapshots, "%s and %s are not related", olderID, newerID)
	}
	return out, keyRefusal(err)
}

// readable finds a snapshot whose blocks the caller may read: a completed one that is its
// own or shared with its account. Public ones are not, as on AWS.
func (s *Service) readable(ctx context.Context, caller kms.Caller, id string) (Snapshot, error) {
	if s.blocks == nil {
		return Snapshot{}, refuse(Unsupported, "Snapshots cannot be read block by block here.")
	}
	snap, err := s.findSnapshot(ctx, caller, id)
	switch {
	case err != nil:
		return snap, err
	case snap.Owner != caller.Account && !slices.Contains(snap.Shares, caller.Account):
		return snap, refuse(AuthFailure, "The snapshot '%s' is public; it cannot be read block by block.", id)
	case snap.State != SnapshotCompleted:
		return snap, refuse(IncorrectState, "Snapshot '%s' is not 'completed'.", id)
	}
	return snap, nil
}

// SnapshotBlock reads a block of a snapshot, with the key as the caller may use it.
func (s *Service) SnapshotBlock(ctx context.Context, caller kms.Caller, id string, index int64, data []byte) error {
	snap, err := s.readable(ctx, caller, id)
	if err != nil {
		return err
	}
	if index < 0 || index >= int64(snap.SizeGiB)*blocksPerGiB {
		return refuse(InvalidBlock, "Block index %d is beyond the volume size extent", index)
	}
	return keyRefusal(s.blocks.ReadBlock(ctx, id, index, data, s.keyring(caller)))
}
