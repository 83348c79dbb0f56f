//go:build linux || darwin

package blockstore

import "golang.org/x/sys/unix"

// alignedBuffer returns page-aligned memory outside the heap; plain memory, unaligned, if the OS refuses.
func alignedBuffer(n int) []byte {
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return make([]byte, n)
	}
	return b
}

// freeAligned gives the memory back; it ignores memory that is not alignedBuffer's.
func freeAligned(b []byte) { _ = unix.Munmap(b[:cap(b)]) }
