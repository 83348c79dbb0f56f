package ec2

import (
	"context"
	"errors"
	"maps"
	"math/bits"
	"slices"
	"sync"
	"time"

	"coffer.example/kms"
	"coffer.example/snapshot"
)

// UploadRequest is StartSnapshot's request.
type UploadRequest struct {
	SizeGiB     int
	ParentID    string
	Description string
	Encrypted   snapshot.Flag
	KeyID       string
	Tags        Tags
	Timeout     time.Duration // from the start; 0: an hour
	ClientToken string        `json:"-"`
}

// upload is a snapshot that is being written. Every block is durable once it is
// acknowledged; what an earlier process began is opened by the first who goes on with it.
type upload struct {
	at      ref
	sizeGiB int
	ends    time.Time
	turn    sync.RWMutex // blocks are written under RLock, the end is under Lock
	open    bool         // guarded by turn
	ended   bool         // guarded by turn

	mu      sync.Mutex
	written map[int64]uint64 // a bit for each block written, 64 to a word; guarded by mu
}

func (u *upload) mark(index int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.written[index/64] |= 1 << (index % 64)
}

// indexes returns the blocks written, in order.
func (u *upload) indexes() []int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	var out []int64
	for _, word := range slices.Sorted(maps.Keys(u.written)) {
		for set := u.written[word]; set != 0; set &= set - 1 {
			out = append(out, word*64+int64(bits.TrailingZeros64(set)))
		}
	}
	return out
}

// StartSnapshot begins a snapshot that is written block by block. Unlike the other
// ways of making something it fails at once if its key refuses, as on AWS.
func (s *Service) StartSnapshot(ctx context.Context, caller kms.Caller, r UploadRequest) (Snapshot, error) {
	token, sum, made, err := s.idempotent(ctx, caller, "StartSnapshot", r.ClientToken, r)
	if err != nil {
		return Snapshot{}, err
	}
	if made != nil {
		snap, err := owned[Snapshot](ctx, s, kindSnapshot(), caller, made[0])
		return snap.Value, err
	}
	parent, err := s.checkUpload(ctx, caller, &r)
	if err != nil {
		return Snapshot{}, err
	}
	request := snapshot.Request{Operation: snapshot.StartSnapshot, Source: sourceOf(parent, caller), Encrypted: r.Encrypted}
	key, err := s.decide(ctx, caller, request, r.KeyID, parent)
	if err == nil && key.failure != nil {
		err = keyRefusal(key.failure)
	}
	if err != nil {
		return Snapshot{}, err
	}
	snap, err := s.uploadRecord(caller, r, parent, key)
	if err != nil {
		return Snapshot{}, err
	}
	ids := []string{snap.ID}
	if parent != nil {
		ids = append(ids, parent.ID)
	}
	release, err := s.locks.Acquire(ctx, ids...)
	if err != nil {
		return Snapshot{}, err
	}
	defer release()
	c := newChange().keep(snap, 0).write(ownerKey(snap.ID), snap.Owner).use(token, sum, snap.Started, snap.ID)
	if err := c.Commit(ctx, s.store); err != nil {
		return Snapshot{}, s.raced(err)
	}
	return snap, s.beginUpload(settled(ctx), caller, snap, r.ParentID)
}

func (s *Service) checkUpload(ctx context.Context, caller kms.Caller, r *UploadRequest) (parent *Snapshot, err error) {
	if r.Timeout == 0 {
		r.Timeout = defaultUploadTimeout
	}
	switch {
	case s.blocks == nil:
		return nil, refuse(Unsupported, "Snapshots cannot be written block by block here.")
	case r.SizeGiB < 1 || r.SizeGiB > maxVolumeGiB:
		return nil, refuse(InvalidVolumeSize, "The volume size must be between 1 and %d GiB", maxVolumeGiB)
	case r.Timeout < minUploadTimeout || r.Timeout > maxUploadTimeout:
		return nil, refuse(InvalidParameter, "The timeout must be between 10 and 4320 minutes")
	}
	s.mu.Lock()
	active := len(s.uploads)
	s.mu.Unlock()
	if active >= maxUploads {
		return nil, refuse(ConcurrentUploads, "At most %d snapshots can be written at once.", maxUploads)
	}
	if err := checkTexts(r.Description, r.Tags); err != nil {
		return nil, err
	}
	if r.ParentID == "" {
		return nil, nil
	}
	found, err := s.usableSnapshot(ctx, caller, r.ParentID)
	switch {
	case err != nil:
		return nil, err
	case found.Owner != caller.Account:
		return nil, refuse(AuthFailure, "The snapshot '%s' is not owned by you.", found.ID)
	case r.SizeGiB < found.SizeGiB:
		return nil, refuse(InvalidVolumeSize, "The volume size must not be smaller than the parent snapshot's, %d GiB", found.SizeGiB)
	}
	return &found, nil
}

func (s *Service) uploadRecord(caller kms.Caller, r UploadRequest, parent *Snapshot, key key) (Snapshot, error) {
	id, err := newID(s.opts.Rand, snapshotPrefix)
	if err != nil {
		return Snapshot{}, err
	}
	snap := Snapshot{
		ID: id, Owner: caller.Account, Region: caller.Region, VolumeID: copiedVolumeID, SizeGiB: r.SizeGiB,
		Encrypted: key.arn != "", KeyARN: key.arn, ManagedKey: key.managed, Description: r.Description, Tags: r.Tags,
		State: SnapshotPending, Started: s.now(), Upload: &Upload{ParentID: r.ParentID, Timeout: r.Timeout},
	}
	switch {
	case !snap.Encrypted:
	case parent != nil:
		snap.DataKeyID = parent.DataKeyID
	default:
		snap.DataKeyID, err = newUUID(s.opts.Rand)
	}
	return snap, err
}

// beginUpload has the engine begin; a refusal takes the record away again.
func (s *Service) beginUpload(ctx context.Context, caller kms.Caller, snap Snapshot, parentID string) error {
	spec := VolumeSpec{ID: snap.ID, SizeBytes: int64(snap.SizeGiB) << 30, Key: snap.KeyARN, Keys: s.keyring(caller)}
	if err := s.blocks.BeginUpload(ctx, parentID, spec); err != nil {
		return errors.Join(keyRefusal(err), s.removeSnapshot(ctx, snap))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.uploads[snap.ID] = newUpload(snap, true)
	return nil
}

func newUpload(snap Snapshot, open bool) *upload {
	_, at := snap.at()
	return &upload{at: at, sizeGiB: snap.SizeGiB, ends: snap.Started.Add(snap.Upload.Timeout), open: open, written: map[int64]uint64{}}
}

// findUpload finds an upload of the caller that has not ended.
func (s *Service) findUpload(ctx context.Context, caller kms.Caller, id string) (*upload, error) {
	snap, err := s.ownSnapshot(ctx, caller, id)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	u := s.uploads[id]
	s.mu.Unlock()
	if u == nil || snap.Value.State != SnapshotPending {
		return nil, refuse(UploadEnded, "The snapshot %s is not being written: its status is %s.", id, snap.Value.State)
	}
	if s.now().After(u.ends) { // it fails when its time is looked at next
		s.nudge()
		return nil, refuse(UploadEnded, "The snapshot %s was not completed in time.", id)
	}
	return u, s.resume(ctx, caller, id, u)
}

// PutSnapshotBlock writes a block of SnapshotBlockSize bytes, again if it was written before.
func (s *Service) PutSnapshotBlock(ctx context.Context, caller kms.Caller, id string, index int64, data []byte) error {
	u, err := s.findUpload(ctx, caller, id)
	if err != nil {
		return err
	}
	switch {
	case index < 0 || index >= int64(u.sizeGiB)*blocksPerGiB:
		return refuse(InvalidBlock, "Block index %d is beyond the volume size extent", index)
	case len(data) != SnapshotBlockSize:
		return refuse(InvalidParameter, "A block has %d bytes", SnapshotBlockSize)
	}
	u.turn.RLock()
	defer u.turn.RUnlock()
	if u.ended {
		return refuse(UploadEnded, "The snapshot %s is not being written any more.", id)
	}
	if err := s.blocks.WriteBlock(ctx, id, index, data); err != nil {
		return err
	}
	u.mark(index)
	return nil
}
