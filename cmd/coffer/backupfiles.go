package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// indexName is the directory of the volumes' index in a data directory.
const indexName = "index"

// notCopied are the names at the top of a data directory that belong to the process
// that holds it, or that a copy makes anew.
var notCopied = []string{lockName, controlName, nbdName, markerName, scratchName, "LOCK"}

// backupFiles copies a directory that nobody serves: its files, as they are.
func backupFiles(ctx context.Context, from *directory, to string, emit func(backupItem) error) error {
	err := openBackup(from, to, func(copied *directory) error {
		entries, err := os.ReadDir(from.path)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			name := entry.Name()
			switch {
			case slices.Contains(notCopied, name) || entry.Type()&(fs.ModeSocket|fs.ModeSymlink) != 0:
			case entry.IsDir():
				err = copyTree(ctx, from.file(name), copied.file(name))
			default:
				err = copyFile(from.file(name), copied.file(name), -1)
			}
			if err != nil {
				return err
			}
		}
		return syncPath(copied.path)
	})
	if err != nil {
		return err
	}
	return emit(backupItem{Report: &backupReport{Directory: to}})
}

// copyTree copies a directory with all below it, durably. The target may exist.
func copyTree(ctx context.Context, from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		relative, pathErr := filepath.Rel(from, path)
		if err := errors.Join(err, pathErr, ctx.Err()); err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		if entry.IsDir() {
			if err := os.MkdirAll(target, privateMode); err != nil {
				return err
			}
			return errors.Join(syncPath(filepath.Dir(target)), syncPath(target))
		}
		if err := copyFile(path, target, -1); err != nil {
			return err
		}
		return syncPath(filepath.Dir(target))
	})
}

// copyHole is the unit in which copyFile leaves out zeros.
const copyHole = 64 << 10

// copyFile copies a file to one that must not exist, up to a size (-1: all of it), and
// syncs it. Stretches of zeros become holes.
func copyFile(from, to string, size int64) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	var source io.Reader = in
	if size >= 0 {
		source = io.LimitReader(in, size)
	}
	at := int64(0)
	zeros := make([]byte, copyHole)
	for buf := make([]byte, copyHole); ; {
		n, err := io.ReadFull(source, buf)
		if n > 0 && string(buf[:n]) != string(zeros[:n]) {
			if _, err := out.WriteAt(buf[:n], at); err != nil {
				return err
			}
		}
		at += int64(n)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if err := out.Truncate(at); err != nil {
		return err
	}
	return out.Sync()
}

// syncPath makes a directory's entries durable.
func syncPath(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// inside says whether a path that may not exist lies in a directory, or is it.
func inside(dir, path string) bool {
	real, err := realPath(dir)
	if err != nil {
		return false
	}
	for parent := path; ; parent = filepath.Dir(parent) {
		if found, err := realPath(parent); err == nil {
			return found == real || strings.HasPrefix(found, real+string(filepath.Separator))
		}
		if parent == filepath.Dir(parent) {
			return false
		}
	}
}
