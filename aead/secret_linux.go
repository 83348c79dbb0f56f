package aead

import "golang.org/x/sys/unix"

// dontDump keeps m out of core dumps. It is not given to MADV_DONTFORK: coffer never forks without exec.
func dontDump(m []byte) { _ = unix.Madvise(m, unix.MADV_DONTDUMP) }
