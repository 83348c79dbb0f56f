package ecr

import (
	"context"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"coffer.example/internal/meta"
	"coffer.example/internal/meta/records"
	"coffer.example/kms"
)

// upload is an unfinished layer; each Append adds one segment. Manifests and what is being
// deleted have such a record too: every object belongs to an upload, a layer or an image, so
// that what a crash leaves is found (collect.go).
type upload struct {
	Started, Updated time.Time // the zero time: nobody will continue it
	Size             int64
	Hash             []byte // state of the SHA-256 over what is there
	Segments         []segment
	// Ended says that it is no upload any more: a layer of Digest, if that is set, has its segments; the rest goes.
	Ended  bool   `json:",omitempty"`
	Digest string `json:",omitempty"`
}

// The permissions of the steps of a push.
const (
	actionStart    = "ecr:InitiateLayerUpload"
	actionAppend   = "ecr:UploadLayerPart"
	actionComplete = "ecr:CompleteLayerUpload"
)

// StartUpload starts the upload of a layer and returns its id, a UUID.
func (s *Service) StartUpload(ctx context.Context, c kms.Caller, name Name) (string, error) {
	r, _, err := s.repository(ctx, c, name, actionStart)
	if err != nil {
		return "", err
	}
	ok, err := atMost(ctx, s.store, uploadPrefix(r.ID), maxUploadsPerRepo-1)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", refuse(LimitExceeded, "The repository '%s' already has the maximum of %d unfinished uploads", r.Name, maxUploadsPerRepo)
	}
	id, err := s.beginUpload(ctx, r, &upload{})
	if err != nil {
		return "", err
	}
	open, kept, err := s.newUploadKeys(ctx, r, id)
	if err != nil {
		return "", err
	}
	open.destroy()
	return id, s.saveUploadKeys(ctx, r, id, kept)
}

// beginUpload makes an upload's record: before its objects, which it finds.
func (s *Service) beginUpload(ctx context.Context, r *Repository, up *upload) (string, error) {
	id, err := s.newUUID()
	if err != nil {
		return "", err
	}
	up.Started = s.now()
	up.Updated = up.Started
	return id, retry(func() error {
		c := records.NewChange().At(uploadKey(r.ID, id), 0).Set(uploadKey(r.ID, id), up)
		if err := s.stillThere(ctx, r, c); err != nil {
			return err
		}
		return c.Commit(ctx, s.store)
	})
}

// UploadSize returns how much of an upload is there.
func (s *Service) UploadSize(ctx context.Context, c kms.Caller, name Name, id string) (int64, error) {
	r, _, err := s.repository(ctx, c, name, actionAppend)
	if err != nil {
		return 0, err
	}
	up, _, err := s.upload(ctx, r, id)
	if err != nil {
		return 0, err
	}
	return up.Size, nil
}

func (s *Service) upload(ctx context.Context, r *Repository, id string) (*upload, uint64, error) {
	unknown := refuse(UploadNotFound, "Upload with id '%s' does not exist in the repository with name '%s'", id, r.Name)
	if !uuidPattern.MatchString(id) {
		return nil, 0, unknown
	}
	up, revision, err := get[upload](ctx, s.store, uploadKey(r.ID, id))
	if errors.Is(err, meta.ErrNotFound) || err == nil && up.Ended {
		return nil, 0, unknown
	}
	return up, revision, err
}

// AnyOffset is the offset of an Append that goes on wherever the upload stands.
const AnyOffset = -1

// Append adds what body holds to an upload that stands at offset, and returns where it
// stands then. When body fails, what came before is kept, and so is the error.
func (s *Service) Append(ctx context.Context, c kms.Caller, name Name, id string, offset int64, body io.Reader) (int64, error) {
	r, _, err := s.repository(ctx, c, name, actionAppend)
	if err != nil {
		return 0, err
	}
	release, err := s.locks.Acquire(ctx, id)
	if err != nil {
		return 0, err
	}
	defer release()
	up, revision, err := s.upload(ctx, r, id)
	if err != nil {
		return 0, err
	}
	if offset != AnyOffset && offset != up.Size {
		return up.Size, &Error{
			Reason: InvalidPart, LastValidByte: up.Size - 1,
			Message: fmt.Sprintf("Layer part starts at byte %d where byte %d was expected", offset, up.Size),
		}
	}
	part, failed := s.appendSegment(settled(ctx), r, id, up, body)
	if part == nil {
		return up.Size, failed
	}
	up.Segments, up.Updated = append(up.Segments, *part), s.now()
	up.Size += part.Size
	if err := records.NewChange().At(uploadKey(r.ID, id), revision).Set(uploadKey(r.ID, id), up).Commit(settled(ctx), s.store); err != nil {
		return up.Size - part.Size, err
	}
	return up.Size, failed
}

// appendSegment seals the next segment of an upload and brings its hash up to date. It
// returns no segment if there is none; a segment with an error if body failed within it.
func (s *Service) appendSegment(ctx context.Context, r *Repository, id string, up *upload, body io.Reader) (*segment, error) {
	in := &bodyReader{from: body, left: MaxLayerSize - up.Size}
	if first, err := in.peek(); first == 0 {
		return nil, err
	}
	if len(up.Segments) == maxSegments {
		return nil, refuse(LimitExceeded, "An upload may have at most %d parts", maxSegments)
	}
	sum, err := resumeHash(up.Hash)
	if err != nil {
		return nil, err
	}
	open, _, err := s.loadUploadKeys(ctx, r, id)
	if err != nil {
		return nil, err
	}
	defer open.destroy()
	run, err := s.newRun()
	if err != nil {
		return nil, err
	}
	var n int64
	err = s.putSegment(ctx, open, segmentName(r.ID, id, len(up.Segments), run), func(w io.Writer) (err error) {
		n, err = copyHashed(w, sum, in)
		return err
	})
	if err != nil {
		return nil, err
	}
	if up.Hash, err = sum.(encoding.BinaryMarshaler).MarshalBinary(); err != nil {
		return nil, err
	}
	return &segment{Run: run, Size: n}, in.failed
}

// newRun draws the name of a run.
func (s *Service) newRun() (string, error) {
	b := make([]byte, 8)
	_, err := io.ReadFull(s.rand, b)
	return hex.EncodeToString(b), err
}

// resumeHash returns a SHA-256 in a saved state.
func resumeHash(state []byte) (hash.Hash, error) {
	sum := sha256.New()
	if len(state) == 0 {
		return sum, nil
	}
	if err := sum.(encoding.BinaryUnmarshaler).UnmarshalBinary(state); err != nil {
		return nil, fmt.Errorf("%w: hash of an upload: %w", meta.ErrCorrupt, err)
	}
	return sum, nil
}

// bodyReader reads a body of which what came before an error is to be kept: the error
// is put aside, and the reader ends.
type bodyReader struct {
	from   io.Reader
	left   int64 // how much may come
	first  []byte
	failed error
}

// peek reads the first bytes, and says how many there are.
func (b *bodyReader) peek() (int, error) {
	buffer := make([]byte, 4096)
	n, err := io.ReadAtLeast(b.from, buffer, 1)
	b.first = buffer[:n]
	if n == 0 && errors.Is(err, io.EOF) {
		return 0, nil
	}
	return n, err
}

func (b *bodyReader) Read(p []byte) (n int, err error) {
	switch {
	case b.failed != nil:
		return 0, io.EOF
	case len(b.first) > 0:
		n = copy(p, b.first)
		b.first = b.first[n:]
	default:
		n, err = b.from.Read(p)
	}
	if int64(n) > b.left {
		return 0, refuse(LimitExceeded, "A layer may have at most %d bytes", int64(MaxLayerSize))
	}
	b.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, ErrForged) {
		b.failed = err
		err = io.EOF
	}
	return n, err
}

// CancelUpload ends an upload and deletes what is there of it.
func (s *Service) CancelUpload(ctx context.Context, c kms.Caller, name Name, id string) error {
	r, _, err := s.repository(ctx, c, name, actionAppend)
	if err != nil {
		return err
	}
	release, err := s.locks.Acquire(ctx, id)
	if err != nil {
		return err
	}
	defer release()
	if _, _, err := s.upload(ctx, r, id); err != nil {
		return err
	}
	return s.dropUpload(settled(ctx), r.ID, id)
}

// dropUpload deletes an upload's objects and then its record. The caller has its lock.
func (s *Service) dropUpload(ctx context.Context, repo, id string) error {
	if err := s.deleteBlobs(ctx, blobPrefix(repo)+id+"-"); err != nil {
		return err
	}
	return records.NewChange().Clear(uploadKey(repo, id)).Commit(ctx, s.store)
}

// CheckParts refuses an upload that the part-wise API could not have made: one without
// parts, or with a part but the last that is too small.
func (s *Service) CheckParts(ctx context.Context, c kms.Caller, name Name, id string) error {
	r, _, err := s.repository(ctx, c, name, actionComplete)
	if err != nil {
		return err
	}
	up, _, err := s.upload(ctx, r, id)
	if err != nil {
		return err
	}
	if len(up.Segments) == 0 {
		return refuse(EmptyUpload, "The upload with id '%s' has no parts", id)
	}
	for _, part := range up.Segments[:len(up.Segments)-1] {
		if part.Size < MinPartSize {
			return refuse(PartTooSmall, "Layer parts must be at least %d bytes, but for the last one", MinPartSize)
		}
	}
	return nil
}
