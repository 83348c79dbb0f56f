//go:build linux || darwin

package aead

import "golang.org/x/sys/unix"

// lockedAlloc returns n zero bytes in pages of their own, locked and undumpable
// where the OS allows (RLIMIT_MEMLOCK may refuse: then the pages are merely private).
func lockedAlloc(n int) ([]byte, func()) {
	if n == 0 {
		return nil, func() {}
	}
	m, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return make([]byte, n), func() {}
	}
	_ = unix.Mlock(m) // best effort by contract
	dontDump(m)
	return m[:n:n], func() { _ = unix.Munmap(m) } // unlocks too
}
