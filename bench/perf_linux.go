package bench

import (
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/unix"
)

// cycleCounter counts the core cycles that the calling thread spends in user mode.
type cycleCounter struct{ fd int }

// openCycleCounter fails where the kernel has no counter to give: most virtual
// machines, and hosts with kernel.perf_event_paranoid above 2.
func openCycleCounter() (cycleCounter, bool) {
	attr := unix.PerfEventAttr{
		Type:   unix.PERF_TYPE_HARDWARE,
		Config: unix.PERF_COUNT_HW_CPU_CYCLES,
		Size:   uint32(unsafe.Sizeof(unix.PerfEventAttr{})),
		Bits:   unix.PerfBitExcludeKernel | unix.PerfBitExcludeHv,
	}
	fd, err := unix.PerfEventOpen(&attr, 0, -1, -1, unix.PERF_FLAG_FD_CLOEXEC)
	return cycleCounter{fd}, err == nil
}

func (c cycleCounter) read() uint64 {
	var b [8]byte
	if n, err := unix.Read(c.fd, b[:]); err != nil || n != len(b) {
		return 0
	}
	return binary.NativeEndian.Uint64(b[:])
}

func (c cycleCounter) close() { _ = unix.Close(c.fd) }
