package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"coffer.example/internal/blob/dirblob"
	"coffer.example/internal/ec2"
)

// exportCall has the arguments of snapshot export and snapshot import.
type exportCall struct {
	scope
	Name  string `json:"name"`  // of the snapshot, or of the object
	Store string `json:"store"` // directory of objects
	KeyID string `json:"keyId,omitempty"`
}

// exportItem is one line of an export or import: how far it is or, at last, what it made.
type exportItem struct {
	Done     int64  `json:"done,omitempty"`
	Total    int64  `json:"total,omitempty"`
	Object   string `json:"object,omitempty"`
	Snapshot string `json:"snapshot,omitempty"`
}

// snapshotExportCommand writes a snapshot as one sealed object to a directory of objects.
func snapshotExportCommand(ctx context.Context, env *environment, args []string) error {
	return moveSnapshot(ctx, env, args, "export", "SNAPSHOT", "to",
		"the KMS `key` that seals the object (default: the snapshot's)")
}

// snapshotImportCommand makes a snapshot of such an object.
func snapshotImportCommand(ctx context.Context, env *environment, args []string) error {
	return moveSnapshot(ctx, env, args, "import", "OBJECT", "from",
		"the KMS `key` of the snapshot (default: the account's default key)")
}

func moveSnapshot(ctx context.Context, env *environment, args []string, verb, operand, side, keyHelp string) error {
	f := newFlags(env, "snapshot "+verb, operand).withJSON()
	var call exportCall
	call.scope.register(f)
	f.StringVar(&call.Store, side, "", "the `directory` of objects, which the daemon opens")
	f.StringVar(&call.KeyID, "kms-key-id", "", keyHelp)
	operands, err := f.parse(args, 1)
	if err != nil {
		return err
	}
	if call.Name = operands[0]; call.Store == "" {
		return usagef("--%s is missing", side)
	}
	if call.Store, err = filepath.Abs(call.Store); err != nil {
		return err
	}
	var made exportItem
	shown := newProgress(env, verb)
	err = askStream(ctx, f.dataDir, "snapshot-"+verb, call, func(item exportItem) error {
		if item.Object != "" || item.Snapshot != "" {
			made = item
		}
		shown.update(item.Done, item.Total)
		return nil
	})
	shown.finish()
	if err != nil {
		return err
	}
	if f.json {
		return printJSON(env.stdout, made)
	}
	_, err = fmt.Fprintln(env.stdout, made.Object+made.Snapshot)
	return err
}

// errMoving says that one export or import at a time is enough.
var errMoving = errors.New("a snapshot is being exported or imported already")

// openObjects opens a directory of objects that nothing else uses.
func (s *stack) openObjects(path string) (*dirblob.Store, error) {
	if inside(s.dir.path, path) {
		return nil, fmt.Errorf("%s lies inside the data directory", path)
	}
	return dirblob.Open(path)
}

func (s *stack) exportSnapshot(ctx context.Context, in exportCall, emit func(exportItem) error) error {
	if !s.moving.TryLock() {
		return errMoving
	}
	defer s.moving.Unlock()
	to, err := s.openObjects(in.Store)
	if err != nil {
		return err
	}
	request := ec2.ExportRequest{SnapshotID: in.Name, KeyID: in.KeyID}
	name, err := s.machines.ExportSnapshot(ctx, s.operator(in.scope), request, to, moved(emit))
	if err != nil {
		return err
	}
	return emit(exportItem{Object: name})
}

func (s *stack) importSnapshot(ctx context.Context, in exportCall, emit func(exportItem) error) error {
	if !s.moving.TryLock() {
		return errMoving
	}
	defer s.moving.Unlock()
	from, err := s.openObjects(in.Store)
	if err != nil {
		return err
	}
	request := ec2.ImportRequest{Object: in.Name, KeyID: in.KeyID, Description: "Imported from " + in.Name}
	snap, err := s.machines.ImportSnapshot(ctx, s.operator(in.scope), request, from, moved(emit))
	if err != nil {
		return err
	}
	return emit(exportItem{Snapshot: snap.ID})
}

// moved emits the progress. If the client has gone, its context ends the work.
func moved(emit func(exportItem) error) func(done, total int64) {
	return func(done, total int64) {
		_ = emit(exportItem{Done: done, Total: total})
	}
}
