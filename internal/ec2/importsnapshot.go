package ec2

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"coffer.example/aead"
	"coffer.example/internal/blob"
	"coffer.example/kms"
	"coffer.example/snapshot"
)

// ImportRequest says which object becomes a snapshot, and under which KMS key (empty: the account's default for EBS).
type ImportRequest struct {
	Object      string
	KeyID       string
	Description string
}

// ImportSnapshot makes a snapshot of an object that ExportSnapshot has written. The caller
// needs the key of the export to open it. Of a damaged object no snapshot is made.
func (s *Service) ImportSnapshot(ctx context.Context, caller kms.Caller, r ImportRequest, from blob.Store, progress func(done, total int64)) (Snapshot, error) {
	object, err := from.Get(ctx, r.Object)
	if err != nil {
		return Snapshot{}, err
	}
	defer object.Close()
	header, bound, err := readExportHeader(object)
	if err != nil {
		return Snapshot{}, err
	}
	dek, err := s.keyring(caller).Unwrap(ctx, header.wrapped, map[string]string{exportContext: r.Object})
	if err != nil {
		return Snapshot{}, keyRefusal(err)
	}
	defer dek.Destroy()
	rest := io.NewSectionReader(object, int64(len(bound)), object.Size()-int64(len(bound)))
	stream, err := aead.OpenStream(rest, rest.Size(), dek.Secret(), bound)
	if err != nil {
		return Snapshot{}, fmt.Errorf("%w: %w", ErrExport, err)
	}
	return s.importStream(ctx, caller, r, io.NewSectionReader(stream, 0, stream.Size()), progress)
}

// importStream uploads what a stream holds.
func (s *Service) importStream(ctx context.Context, caller kms.Caller, r ImportRequest, in *io.SectionReader, progress func(done, total int64)) (Snapshot, error) {
	var start [exportStart]byte
	if _, err := io.ReadFull(in, start[:]); err != nil {
		return Snapshot{}, fmt.Errorf("%w: %w", ErrExport, err)
	}
	size, blocks := int(binary.BigEndian.Uint32(start[:])), int64(binary.BigEndian.Uint64(start[4:]))
	if blocks < 0 || blocks > maxVolumeGiB*blocksPerGiB || in.Size() != exportStart+blocks*exportUnit {
		return Snapshot{}, fmt.Errorf("%w: %d bytes for %d blocks", ErrExport, in.Size(), blocks)
	}
	snap, err := s.StartSnapshot(ctx, caller, UploadRequest{
		SizeGiB: size, Description: r.Description, Encrypted: snapshot.True, KeyID: r.KeyID, Timeout: maxUploadTimeout,
	})
	if err != nil {
		return Snapshot{}, err
	}
	if err := s.importBlocks(ctx, caller, snap.ID, in, blocks, progress); err != nil {
		return Snapshot{}, errors.Join(err, s.DeleteSnapshot(settled(ctx), caller, snap.ID, false))
	}
	return s.CompleteSnapshot(ctx, caller, snap.ID, blocks, nil)
}

func (s *Service) importBlocks(ctx context.Context, caller kms.Caller, id string, in io.Reader, blocks int64, progress func(done, total int64)) error {
	unit := make([]byte, exportUnit)
	for done := range blocks {
		if _, err := io.ReadFull(in, unit); err != nil {
			return fmt.Errorf("%w: %w", ErrExport, err)
		}
		if err := s.PutSnapshotBlock(ctx, caller, id, int64(binary.BigEndian.Uint64(unit)), unit[8:]); err != nil {
			return err
		}
		if progress != nil {
			progress(done+1, blocks)
		}
	}
	return nil
}
