package blockstore

import "golang.org/x/sys/unix"

// access implements accessor.
func (z *directZone) access() string {
	if z.direct {
		return "O_DIRECT, fdatasync"
	}
	return "buffered, fdatasync (the file system has no O_DIRECT)"
}

// allocatedBytes is what the file system has allocated for a file, or -1.
func allocatedBytes(path string) int64 {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return -1
	}
	return st.Blocks * 512
}
