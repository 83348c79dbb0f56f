package audit

import (
	"io"
	"os"
	"path/filepath"
)

// FS is what the package needs of a file system. Names are full paths.
type FS interface {
	MkdirAll(dir string) error
	// ReadDir returns the base names of a directory's entries.
	ReadDir(dir string) ([]string, error)
	// Create makes a file for appending; it fails if the file exists.
	Create(name string) (File, error)
	// Append opens a file for appending.
	Append(name string) (File, error)
	Open(name string) (io.ReadSeekCloser, error)
	Remove(name string) error
	// SyncDir makes the creation and removal of entries durable.
	SyncDir(dir string) error
}

// File is a file being appended to.
type File interface {
	io.WriteCloser
	// Sync makes the data and the size durable.
	Sync() error
	Truncate(size int64) error
}

// OS is the operating system's file system.
type OS struct{}

// MkdirAll implements FS.
func (OS) MkdirAll(dir string) error { return os.MkdirAll(dir, 0o700) }

// ReadDir implements FS.
func (OS) ReadDir(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Readdirnames(-1)
}

// Create implements FS.
func (OS) Create(name string) (File, error) {
	return openOS(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND)
}

// Append implements FS.
func (OS) Append(name string) (File, error) { return openOS(name, os.O_WRONLY|os.O_APPEND) }

// Open implements FS.
func (OS) Open(name string) (io.ReadSeekCloser, error) { return os.Open(name) }

// Remove implements FS.
func (OS) Remove(name string) error { return os.Remove(name) }

// SyncDir implements FS.
func (OS) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func openOS(name string, flag int) (File, error) {
	f, err := os.OpenFile(filepath.Clean(name), flag, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// osFile is an *os.File whose Sync is fdatasync where there is one.
type osFile struct{ *os.File }

// Sync implements File.
func (f osFile) Sync() error { return syncData(f.File) }
