package pebblemeta

import "github.com/cockroachdb/pebble/v2/vfs"

// guardFS fails the store where Pebble would panic in a goroutine in which nobody could
// recover: when a directory cannot be synced, as while it switches MANIFESTs, and,
// while the store is being opened, when a file cannot be written: Pebble would then
// take apart what its first flush still uses.
type guardFS struct {
	vfs.FS
	guard *guard
}

// Create implements vfs.FS.
func (fs guardFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.Create(name, category)
	if err != nil || !fs.guard.opening.Load() {
		return f, fs.guard.whileOpening(err)
	}
	return guardFile{f, fs.guard}, nil
}

// Rename implements vfs.FS.
func (fs guardFS) Rename(from, to string) error {
	return fs.guard.whileOpening(fs.FS.Rename(from, to))
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

// whileOpening does not return an error before the store is open.
func (g *guard) whileOpening(err error) error {
	if err != nil && g.opening.Load() {
		g.Fatalf("open: %v", err)
	}
	return err
}

// guardFile is a file that was created while the store was being opened.
type guardFile struct {
	vfs.File
	guard *guard
}

// Write implements vfs.File.
func (f guardFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	return n, f.guard.whileOpening(err)
}

// Sync implements vfs.File.
func (f guardFile) Sync() error { return f.guard.whileOpening(f.File.Sync()) }

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
