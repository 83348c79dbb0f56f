package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"coffer.example/blockstore"
)

// scratchName is where a backup keeps hard links to what it copies. What a crash leaves there is
// removed at the next start.
const scratchName = "backup.tmp"

// errBackupRuns says that one backup at a time is enough.
var errBackupRuns = errors.New("a backup is being made already")

// backup makes a consistent copy of what this stack serves.
//
// The order makes the copy one that a crash at some moment could have left: while no object is
// deleted and nothing is committed to the metadata, the metadata, its anchors among it, and the
// index of the volumes are linked; then the objects are. So the index is never older than
// the anchors, and what the metadata names is there. Slots that the index names are not used again before
// they are copied. The audit trail comes last: it only grows, and its anchor is in the metadata.
func (s *stack) backup(ctx context.Context, call backupCall, emit func(backupItem) error) error {
	if !s.backingUp.TryLock() {
		return errBackupRuns
	}
	defer s.backingUp.Unlock()
	report := &backupReport{Directory: call.Directory}
	err := openBackup(s.dir, call.Directory, func(to *directory) error {
		return s.backupTo(ctx, to, func(done, total int64) {
			report.Bytes = done
			_ = emit(backupItem{Done: done, Total: total}) // if the client has gone, its context ends the work
		})
	})
	if err != nil {
		return err
	}
	m := s.store.Metrics()
	report.Volumes, report.Snapshots = m.Volumes, m.Snapshots
	return emit(backupItem{Report: report})
}

func (s *stack) backupTo(ctx context.Context, to *directory, progress func(done, total int64)) (err error) {
	scratch := s.dir.file(scratchName)
	if err := errors.Join(os.RemoveAll(scratch), os.Mkdir(scratch, privateMode)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	taken, err := s.takeMoment(ctx, scratch)
	if err != nil {
		return err
	}
	err = taken.Copy(ctx, to.path, progress)
	if err := errors.Join(err, taken.Close()); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(scratch, indexName)); err != nil { // Copy has it
		return err
	}
	if err := copyTree(ctx, scratch, to.path); err != nil {
		return err
	}
	return s.backupTrail(ctx, to.file(auditName))
}

// takeMoment links metadata, index and objects as they are together.
func (s *stack) takeMoment(ctx context.Context, scratch string) (taken *blockstore.Backup, err error) {
	ctx = context.WithoutCancel(ctx) // it takes moments, and must not be left half done
	err = s.blobs.Checkpoint(ctx, filepath.Join(scratch, blobsName), func() error {
		return s.keys.Checkpoint(ctx, scratch, func() (err error) {
			taken, err = s.store.BeginBackup(filepath.Join(scratch, indexName))
			return err
		})
	})
	if err != nil && taken != nil {
		err = errors.Join(err, taken.Close())
	}
	return taken, err
}

// backupTrail copies the audit trail up to a whole record.
func (s *stack) backupTrail(ctx context.Context, to string) error {
	files, lastSize, err := s.trail.Contents()
	if err != nil {
		return err
	}
	if err := os.Mkdir(to, privateMode); err != nil {
		return err
	}
	for i, path := range files {
		limit := int64(-1)
		if i == len(files)-1 {
			limit = lastSize
		}
		if err := errors.Join(ctx.Err(), copyFile(path, filepath.Join(to, filepath.Base(path)), limit)); err != nil {
			return err
		}
	}
	return errors.Join(syncPath(to), syncPath(filepath.Dir(to)))
}
