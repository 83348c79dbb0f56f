package rds

import (
	"context"
	"errors"
	"strings"

	"coffer.example/internal/meta"
	"coffer.example/internal/meta/records"
	"coffer.example/kms"
)

// ownSnapshot finds a snapshot of the caller by its name or ARN.
func (s *Service) ownSnapshot(ctx context.Context, c kms.Caller, kind Kind, name string) (Snapshot, error) {
	snap, err := s.findSnapshot(ctx, c, kind, name)
	if err == nil && (snap.Owner != c.Account || snap.Region != c.Region) {
		err = noSnapshot(kind, name)
	}
	return snap, err
}

// findSnapshot finds a snapshot that the caller may use: an own one, or one that is
// shared with them, by its ARN; of whatever Region, if an ARN says so.
func (s *Service) findSnapshot(ctx context.Context, c kms.Caller, kind Kind, name string) (Snapshot, error) {
	at := place{c.Region, c.Account, snapshotType(kind), strings.ToLower(name)}
	if strings.HasPrefix(name, "arn:") {
		var ok bool
		if at, ok = parseARN(name); !ok || at.resource != snapshotType(kind) {
			return Snapshot{}, noSnapshot(kind, name)
		}
	}
	if strings.ContainsAny(at.name, "/\x00") || at.name == "" || len(at.name) > 2*maxSnapshotName {
		return Snapshot{}, noSnapshot(kind, name)
	}
	found, err := records.Get[Snapshot](ctx, s.store, snapshotKey(at.region, at.account, kind, at.name))
	if errors.Is(err, meta.ErrNotFound) || err == nil && !found.Value.usableBy(c.Account) {
		return Snapshot{}, noSnapshot(kind, name)
	}
	return found.Value, err
}

func (s Snapshot) usableBy(account string) bool {
	if s.Owner == account {
		return s.State != Deleting
	}
	if s.State != Available {
		return false
	}
	for _, share := range s.Shares {
		if share == account {
			return true
		}
	}
	return s.Public
}

func noSnapshot(kind Kind, name string) error {
	if kind == Cluster {
		return refuse(SnapshotNotFound, kind, "DBClusterSnapshot not found: %s", name)
	}
	return refuse(SnapshotNotFound, kind, "DBSnapshot not found: %s", name)
}

// lockedSnapshot finds a snapshot of the caller and locks it.
func (s *Service) lockedSnapshot(ctx context.Context, c kms.Caller, kind Kind, name string) (Snapshot, func(), error) {
	snap, err := s.ownSnapshot(ctx, c, kind, name)
	if err != nil {
		return snap, nil, err
	}
	release, err := s.locks.Acquire(ctx, snap.key())
	if err != nil {
		return snap, nil, err
	}
	if snap, err = s.ownSnapshot(ctx, c, kind, name); err != nil {
		release()
		return snap, nil, err
	}
	return snap, release, nil
}
