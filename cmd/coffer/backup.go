package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
)

// backupCall has the arguments of backup.
type backupCall struct {
	Directory string `json:"directory"`
}

// backupItem is one line of a backup: how far it is or, at last, what was copied.
type backupItem struct {
	Done   int64         `json:"done,omitempty"`
	Total  int64         `json:"total,omitempty"`
	Report *backupReport `json:"report,omitempty"`
}

// backupReport says what a backup holds.
type backupReport struct {
	Directory string `json:"directory"`
	Bytes     int64  `json:"bytes"` // of blocks
	Volumes   uint64 `json:"volumes"`
	Snapshots uint64 `json:"snapshots"`
}

// backupCommand copies a data directory, served or not, to a new one.
func backupCommand(ctx context.Context, env *environment, args []string) error {
	f := newFlags(env, "backup", "DIRECTORY").withJSON()
	operands, err := f.parse(args, 1)
	if err != nil {
		return err
	}
	to, err := filepath.Abs(operands[0])
	if err != nil {
		return err
	}
	report, err := runBackup(ctx, env, f.dataDir, to)
	if err != nil {
		return err
	}
	if f.json {
		return printJSON(env.stdout, report)
	}
	_, err = fmt.Fprintf(env.stdout, "%s holds a copy of %s, with %d volumes and %d snapshots.\n"+
		"The root key is not in it; serve it with coffer serve --data-dir %s and the flag for the same root key.\n",
		report.Directory, f.dataDir, report.Volumes, report.Snapshots, report.Directory)
	return err
}

// runBackup has the daemon make the copy or, if nobody holds the directory, copies its files.
func runBackup(ctx context.Context, env *environment, from, to string) (report *backupReport, err error) {
	shown := newProgress(env, "backup")
	defer shown.finish()
	visit := func(item backupItem) error {
		if item.Report != nil {
			report = item.Report
		}
		shown.update(item.Done, item.Total)
		return nil
	}
	dir, err := openDirectory(from)
	if errors.Is(err, errBusy) {
		err = askStream(ctx, from, "backup", backupCall{to}, visit)
		return report, err
	}
	if err != nil {
		return nil, err
	}
	return report, errors.Join(backupFiles(ctx, dir, to, visit), dir.release())
}

// openBackup makes the directory of a copy, which fill fills. If that fails, nothing stays of it.
func openBackup(from *directory, to string, fill func(*directory) error) error {
	if from.dev {
		return errors.New("a throw-away directory is not worth a backup")
	}
	if inside(from.path, to) {
		return fmt.Errorf("%s lies inside the data directory", to)
	}
	copied, err := createDirectory(to, false)
	if err != nil {
		return err
	}
	if err = fill(copied); err == nil {
		err = copied.finish() // from here on it is a data directory
	}
	if err = errors.Join(err, copied.release()); err != nil {
		return errors.Join(err, removeMade(to, ""))
	}
	return nil
}
