package pebblemeta

import "github.com/cockroachdb/pebble/v2/vfs"

// guardFS fails the store when a directory cannot be synced: Pebble panics on that
// while it switches MANIFESTs, in a goroutine where nobody could recover.
type guardFS struct {
	vfs.FS
	guard *guard
}

// OpenDir implements vfs.FS.
func (fs guardFS) OpenDir(name string) (vfs.File, error) {
	f, err := fs.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return guardDir{f, fs.guard}, nil
}

// Unwrap implements vfs.FS.
func (fs guardFS) Unwrap() vfs.FS { return fs.FS }

type guardDir struct {
	vfs.File
	guard *guard
}

// Sync implements vfs.File. On an error it does not return.
func (d guardDir) Sync() error {
	err := d.File.Sync()
	if err != nil {
		d.guard.Fatalf("sync of the directory: %v", err)
	}
	return err
}
