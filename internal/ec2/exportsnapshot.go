package ec2

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"coffer.example/aead"
	"coffer.example/internal/blob"
	"coffer.example/kms"
)

// ExportRequest says which snapshot is exported, and under which KMS key (empty: the snapshot's own).
type ExportRequest struct {
	SnapshotID string
	KeyID      string
}

// exportPage is how many blocks of a snapshot are listed at once.
const exportPage = 10_000

// ExportSnapshot writes a snapshot as one object to a store, sealed under a data key of its own,
// and returns the object's name. The caller needs the snapshot's key to read, and the other to seal.
func (s *Service) ExportSnapshot(ctx context.Context, caller kms.Caller, r ExportRequest, to blob.Store, progress func(done, total int64)) (string, error) {
	snap, err := s.readable(ctx, caller, r.SnapshotID)
	if err != nil {
		return "", err
	}
	if r.KeyID == "" {
		r.KeyID = snap.KeyARN
	}
	if r.KeyID == "" {
		return "", refuse(InvalidParameter, "The snapshot '%s' is not encrypted: name a key for the export.", snap.ID)
	}
	var unique [8]byte
	if _, err := io.ReadFull(s.opts.Rand, unique[:]); err != nil {
		return "", fmt.Errorf("ec2: draw name: %w", err)
	}
	e := &exporter{s: s, caller: caller, snap: snap, name: exportPrefix + snap.ID + "-" + hex.EncodeToString(unique[:]), progress: progress}
	if err := e.count(ctx); err != nil {
		return "", err
	}
	return e.name, e.run(ctx, r.KeyID, to)
}

// exporter is an export under way.
type exporter struct {
	s        *Service
	caller   kms.Caller
	snap     Snapshot
	name     string
	blocks   int64
	progress func(done, total int64)
}

// each calls fn for the blocks that the snapshot has.
func (e *exporter) each(ctx context.Context, fn func(index int64) error) error {
	for from := int64(0); from >= 0; {
		page, err := e.s.SnapshotBlocks(ctx, e.caller, e.snap.ID, from, exportPage)
		if err != nil {
			return err
		}
		for _, index := range page.Indexes {
			if err := fn(index); err != nil {
				return err
			}
		}
		from = page.Next
	}
	return nil
}

func (e *exporter) count(ctx context.Context) error {
	return e.each(ctx, func(int64) error { e.blocks++; return nil })
}

func (e *exporter) run(ctx context.Context, keyID string, to blob.Store) error {
	dek, wrapped, arn, err := e.s.keyring(e.caller).NewDataKey(ctx, keyID, map[string]string{exportContext: e.name})
	if err != nil {
		return keyRefusal(err)
	}
	defer dek.Destroy()
	header, err := (&exportHeader{key: arn, wrapped: wrapped}).encode()
	if err != nil {
		return fmt.Errorf("ec2: export: %w", err)
	}
	return to.Put(ctx, e.name, func(w io.Writer) error {
		if _, err := w.Write(header); err != nil {
			return err
		}
		sealed, err := aead.NewStreamWriter(w, e.s.opts.Rand, dek.Secret(), aead.StreamSpec{Context: header, Length: exportStart + e.blocks*exportUnit})
		if err != nil {
			return err
		}
		return errors.Join(e.fill(ctx, sealed), sealed.Close())
	})
}

// fill writes the plaintext of the stream.
func (e *exporter) fill(ctx context.Context, w io.Writer) error {
	start := binary.BigEndian.AppendUint32(nil, uint32(e.snap.SizeGiB))
	if _, err := w.Write(binary.BigEndian.AppendUint64(start, uint64(e.blocks))); err != nil {
		return err
	}
	unit, done := make([]byte, exportUnit), int64(0)
	return e.each(ctx, func(index int64) error {
		binary.BigEndian.PutUint64(unit, uint64(index))
		if err := e.s.SnapshotBlock(ctx, e.caller, e.snap.ID, index, unit[8:]); err != nil {
			return err
		}
		done++
		if e.progress != nil {
			e.progress(done, e.blocks)
		}
		_, err := w.Write(unit)
		return err
	})
}
