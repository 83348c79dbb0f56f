// Package uring drives Linux io_uring over raw system calls: what the volume engine
// and the NBD server need to have many reads and writes under way without a blocked
// thread for each.
//
// It is not a general binding: the only operations are READ, WRITE, WRITEV, RECV and
// NOP, and beside the ring a receive that does not wait. One Ring has one submission
// queue and one completion queue in memory that it shares with the kernel (io_uring(7),
// include/uapi/linux/io_uring.h).
//
// Invariants:
//   - At most Entries operations are under way, so neither queue can overflow.
//   - Memory given to an operation lies outside the Go heap or is kept alive by the
//     caller until its completion has been seen.
//   - Prepare and Submit are serialised by the caller, and so is Completions; Wait
//     may run beside Prepare and Submit.
//
// On other systems, and where the kernel or a sandbox refuses io_uring, New fails with
// ErrUnavailable and the caller uses ordinary system calls.
package uring

import "errors"

// ErrUnavailable: the system has no io_uring or refuses it.
var ErrUnavailable = errors.New("uring: io_uring is not available")

// Limits of a ring.
const (
	// MaxEntries is the largest number of operations under way in one ring.
	MaxEntries = 4096
	// MaxVectors is the longest vector of a WRITEV, the kernel's IOV_MAX.
	MaxVectors = 1024
)

// Completion is the outcome of one operation.
type Completion struct {
	Token  uint64 // as given to Prepare
	Result int32  // bytes, or a negated errno
}
