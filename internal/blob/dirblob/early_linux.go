package dirblob

import (
	"os"

	"golang.org/x/sys/unix"
)

// beginWriteback starts writing a range of a file to the disk and waits for nothing. It makes no promise: Sync does.
func beginWriteback(file *os.File, off, n int64) error {
	return unix.SyncFileRange(int(file.Fd()), off, n, unix.SYNC_FILE_RANGE_WRITE)
}
