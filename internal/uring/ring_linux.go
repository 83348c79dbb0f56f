package uring

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Operation codes, flags and offsets of include/uapi/linux/io_uring.h.
const (
	opNop    = 0
	opWritev = 2
	opRead   = 22
	opWrite  = 23
	opRecv   = 27

	enterGetEvents = 1 << 0
	enterExtArg    = 1 << 3

	setupClamp       = 1 << 4
	setupSubmitAll   = 1 << 7
	setupCoopTaskrun = 1 << 8

	featSingleMmap   = 1 << 0
	featSubmitStable = 1 << 2
	featExtArg       = 1 << 8
	featNeeded       = featSingleMmap | featSubmitStable | featExtArg

	offsetRings   = 0
	offsetEntries = 0x10000000
)

// params, sqOffsets and cqOffsets are struct io_uring_params and its parts.
type params struct {
	sqEntries, cqEntries, flags, sqThreadCPU, sqThreadIdle, features, wqFD uint32
	_                                                                      [3]uint32
	sq                                                                     sqOffsets
	cq                                                                     cqOffsets
}

type sqOffsets struct {
	head, tail, ringMask, ringEntries, flags, dropped, array, _ uint32
	_                                                           uint64
}

type cqOffsets struct {
	head, tail, ringMask, ringEntries, overflow, cqes, flags, _ uint32
	_                                                           uint64
}

// entry is struct io_uring_sqe, 64 bytes.
type entry struct {
	op, flags uint8
	_         uint16
	fd        int32
	offset    uint64
	addr      uint64
	length    uint32
	opFlags   uint32
	token     uint64
	_         [3]uint64
}

// event is struct io_uring_cqe, 16 bytes.
type event struct {
	token  uint64
	result int32
	flags  uint32
}

// timeoutArg is struct io_uring_getevents_arg.
type timeoutArg struct {
	sigmask   uint64
	sigmaskSz uint32
	_         uint32
	timespec  uint64
}

// Ring is an io_uring.
type Ring struct {
	fd    int
	rings []byte
	sqes  []byte

	sqHead, sqTail *atomic.Uint32
	cqHead, cqTail *atomic.Uint32
	sqMask, cqMask uint32
	sqArray        unsafe.Pointer
	cqEvents       unsafe.Pointer

	entries  uint32
	prepared uint32 // in the queue, not submitted
	inFlight int    // prepared or submitted, completion not seen

	limit unix.Timespec // of the running wait; on the heap, where the kernel finds it
	arg   timeoutArg
}

// New makes a ring for at most entries operations under way, a power of two.
func New(entries int) (*Ring, error) {
	if entries < 1 || entries > MaxEntries || entries&(entries-1) != 0 {
		return nil, fmt.Errorf("uring: %d entries: not a power of two up to %d", entries, MaxEntries)
	}
	p := params{flags: setupClamp | setupSubmitAll | setupCoopTaskrun}
	fd, err := setup(entries, &p)
	if err == unix.EINVAL { // before Linux 5.19
		p = params{flags: setupClamp}
		fd, err = setup(entries, &p)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	unix.CloseOnExec(fd)
	r := &Ring{fd: fd, entries: min(p.sqEntries, uint32(entries))}
	if p.features&featNeeded != featNeeded {
		unix.Close(fd)
		return nil, fmt.Errorf("%w: the kernel is older than 5.11", ErrUnavailable)
	}
	if err := r.mapQueues(&p); err != nil {
		r.Close()
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return r, nil
}

func setup(entries int, p *params) (int, error) {
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, uintptr(entries), uintptr(unsafe.Pointer(p)), 0)
	if errno != 0 {
		return -1, errno
	}
	return int(fd), nil
}

func (r *Ring) mapQueues(p *params) error {
	size := max(p.sq.array+p.sqEntries*4, p.cq.cqes+p.cqEntries*uint32(unsafe.Sizeof(event{})))
	var err error
	if r.rings, err = unix.Mmap(r.fd, offsetRings, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE); err != nil {
		return err
	}
	if r.sqes, err = unix.Mmap(r.fd, offsetEntries, int(p.sqEntries)*int(unsafe.Sizeof(entry{})), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE); err != nil {
		return err
	}
	at := func(off uint32) *atomic.Uint32 { return (*atomic.Uint32)(unsafe.Pointer(&r.rings[off])) }
	r.sqHead, r.sqTail = at(p.sq.head), at(p.sq.tail)
	r.cqHead, r.cqTail = at(p.cq.head), at(p.cq.tail)
	r.sqMask, r.cqMask = at(p.sq.ringMask).Load(), at(p.cq.ringMask).Load()
	r.sqArray, r.cqEvents = unsafe.Pointer(&r.rings[p.sq.array]), unsafe.Pointer(&r.rings[p.cq.cqes])
	return nil
}

// Entries is how many operations may be under way.
func (r *Ring) Entries() int { return int(r.entries) }

// InFlight is how many operations were prepared whose completion has not been seen.
func (r *Ring) InFlight() int { return r.inFlight }

// Read prepares a read at an offset of a file; the caller has seen to InFlight < Entries.
func (r *Ring) Read(fd int, p []byte, off int64, token uint64) {
	r.prepare(entry{op: opRead, fd: int32(fd), offset: uint64(off), addr: address(p), length: uint32(len(p)), token: token})
}

// Write prepares a write at an offset of a file.
func (r *Ring) Write(fd int, p []byte, off int64, token uint64) {
	r.prepare(entry{op: opWrite, fd: int32(fd), offset: uint64(off), addr: address(p), length: uint32(len(p)), token: token})
}

// Writev prepares a write of at most MaxVectors vectors, which the kernel has copied
// when Submit returns.
func (r *Ring) Writev(fd int, v []unix.Iovec, off int64, token uint64) {
	r.prepare(entry{op: opWritev, fd: int32(fd), offset: uint64(off), addr: uint64(uintptr(unsafe.Pointer(&v[0]))), length: uint32(len(v)), token: token})
}

// Recv prepares a read from a socket.
func (r *Ring) Recv(fd int, p []byte, token uint64) {
	r.prepare(entry{op: opRecv, fd: int32(fd), addr: address(p), length: uint32(len(p)), token: token})
}

// Nop prepares an operation that only completes.
func (r *Ring) Nop(token uint64) { r.prepare(entry{op: opNop, fd: -1, token: token}) }

func address(p []byte) uint64 { return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(p)))) }

func (r *Ring) prepare(e entry) {
	if r.inFlight >= int(r.entries) {
		panic("uring: more operations than entries")
	}
	tail := r.sqTail.Load()
	i := tail & r.sqMask
	*(*entry)(unsafe.Pointer(&r.sqes[uintptr(i)*unsafe.Sizeof(entry{})])) = e
	*(*uint32)(unsafe.Add(r.sqArray, uintptr(i)*4)) = i
	r.sqTail.Store(tail + 1)
	r.prepared++
	r.inFlight++
}

// Submit hands what was prepared to the kernel.
func (r *Ring) Submit() error {
	for r.prepared > 0 {
		n, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), uintptr(r.prepared), 0, 0, 0, 0)
		switch errno {
		case 0:
			r.prepared -= uint32(n)
		case unix.EINTR, unix.EAGAIN, unix.EBUSY: // EAGAIN, EBUSY: the kernel is short of memory
			runtime.Gosched()
		default:
			return fmt.Errorf("uring: submit: %w", errno)
		}
	}
	return nil
}

// Wait waits until a completion is there to be seen or the time is over (0: no limit).
func (r *Ring) Wait(limit time.Duration) error { return r.enter(0, limit) }

// SubmitAndWait is Submit and Wait in one system call.
func (r *Ring) SubmitAndWait(limit time.Duration) error { return r.enter(r.prepared, limit) }

func (r *Ring) enter(submit uint32, limit time.Duration) error {
	if submit == 0 && r.Ready() {
		return nil
	}
	flags, size := uintptr(enterGetEvents), uintptr(0)
	var arg unsafe.Pointer
	if limit > 0 {
		r.limit = unix.NsecToTimespec(int64(limit))
		r.arg = timeoutArg{timespec: uint64(uintptr(unsafe.Pointer(&r.limit)))}
		arg, size = unsafe.Pointer(&r.arg), unsafe.Sizeof(r.arg)
		flags |= enterExtArg
	}
	n, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), uintptr(submit), 1, flags, uintptr(arg), size)
	if errno == 0 {
		if submit > 0 { // a Wait beside a Submit leaves it alone
			r.prepared -= min(uint32(n), submit)
		}
		return nil
	}
	switch errno {
	case unix.EINTR, unix.ETIME, unix.EAGAIN, unix.EBUSY:
		return nil // the caller looks for completions and comes back
	}
	return fmt.Errorf("uring: wait: %w", errno)
}

// Ready says whether a completion is there to be seen.
func (r *Ring) Ready() bool { return r.cqHead.Load() != r.cqTail.Load() }

// Completions appends the completions that are there.
func (r *Ring) Completions(dst []Completion) []Completion {
	head, tail := r.cqHead.Load(), r.cqTail.Load()
	for ; head != tail; head++ {
		e := (*event)(unsafe.Add(r.cqEvents, uintptr(head&r.cqMask)*unsafe.Sizeof(event{})))
		dst = append(dst, Completion{Token: e.token, Result: e.result})
		r.inFlight--
	}
	r.cqHead.Store(head)
	return dst
}

// Close releases the ring. Nothing may be under way: the kernel would go on writing
// into memory that has a new owner.
func (r *Ring) Close() {
	if r.sqes != nil {
		_ = unix.Munmap(r.sqes)
	}
	if r.rings != nil {
		_ = unix.Munmap(r.rings)
	}
	unix.Close(r.fd)
	r.rings, r.sqes, r.fd = nil, nil, -1
}

// TryRecv receives from a socket what is there, without a ring. It returns EAGAIN where
// there is nothing, and 0 bytes at the end of the stream. p is not empty.
func TryRecv(fd int, p []byte) (int, error) {
	// It does not block, so the scheduler need not know of it.
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
