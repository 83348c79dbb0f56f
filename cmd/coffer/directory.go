package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Names inside a data directory that this command owns; the packages own theirs.
const (
	lockName    = "coffer.lock"
	controlName = "coffer.sock"
	nbdName     = "nbd.sock"
	markerName  = "coffer"   // says what the directory is, and whether it is one of --dev
	devRootName = "root.key" // root key of a --dev directory, inside it
	rootSuffix  = ".rootkey" // default root key file: beside the directory
	privateMode = fs.FileMode(0o700)
	socketMode  = fs.FileMode(0o600)
	markerText  = "coffer data directory 1\n"
	markerDev   = "coffer data directory 1 dev\n"
	maxMarker   = 64
)

// errBusy says that another process holds the directory.
var errBusy = errors.New("another process holds the data directory")

// errNotData says that a directory is not a data directory.
var errNotData = errors.New("not a coffer data directory; `coffer init` makes one")

// directory is a data directory that this process holds.
type directory struct {
	path string
	dev  bool
	lock *os.File
}

func (d *directory) file(name string) string { return filepath.Join(d.path, name) }

// openDirectory takes hold of an initialised data directory.
func openDirectory(path string) (*directory, error) {
	dev, err := readMarker(path)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s is open to other users (mode %#o); run chmod 700 %s", path, info.Mode().Perm(), path)
	}
	d := &directory{path: path, dev: dev}
	return d, d.hold()
}

// createDirectory makes path a data directory; it must be absent or empty.
// The marker is written by finish, when everything else is there.
func createDirectory(path string, dev bool) (*directory, error) {
	if err := os.MkdirAll(path, privateMode); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	if len(entries) > 0 {
		return nil, fmt.Errorf("%s is not empty", path)
	}
	if err := os.Chmod(path, privateMode); err != nil {
		return nil, err
	}
	d := &directory{path: path, dev: dev}
	return d, d.hold()
}

// finish marks a new directory as complete.
func (d *directory) finish() error {
	text := markerText
	if d.dev {
		text = markerDev
	}
	return writeFileSync(d.file(markerName), []byte(text))
}

// hold takes the lock. The kernel drops it when the process ends, however it ends.
func (d *directory) hold() error {
	lock, err := os.OpenFile(d.file(lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder, _ := io.ReadAll(io.LimitReader(lock, maxMarker))
		lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return fmt.Errorf("%w %s (process %s)", errBusy, d.path, strings.TrimSpace(string(holder)))
		}
		return fmt.Errorf("lock %s: %w", d.path, err)
	}
	d.lock = lock
	if err := lock.Truncate(0); err != nil {
		return errors.Join(err, d.release())
	}
	if _, err := lock.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		return errors.Join(err, d.release())
	}
	return nil
}

func (d *directory) release() error { return d.lock.Close() }

// readMarker says whether path is a data directory of --dev, or errNotData.
func readMarker(path string) (dev bool, err error) {
	content, err := os.ReadFile(filepath.Join(path, markerName))
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return false, fmt.Errorf("%s: %w", path, errNotData)
	case err != nil:
		return false, err
	case string(content) == markerText:
		return false, nil
	case string(content) == markerDev:
		return true, nil
	}
	return false, fmt.Errorf("%s was made by another version of coffer", path)
}

// writeFileSync creates a file that must not exist and makes it durable.
func writeFileSync(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	parent, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(parent.Sync(), parent.Close())
}
