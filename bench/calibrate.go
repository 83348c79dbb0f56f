package bench

import (
	"runtime"
	"time"
)

const (
	// chainPairs is the length of the calibration chain in add-xor pairs: about 100 µs.
	chainPairs = 150_000
	// cyclesPerPair: each instruction waits for the one before, and both take one cycle
	// on every mainstream x86 and Arm core. (Add-immediate chains do not: some cores
	// fold them.)
	cyclesPerPair = 2
)

// chain runs n dependent add-xor pairs. Both operands are in registers and unknown to
// the compiler.
//
//go:noinline
func chain(n int, a, b uint64) uint64 {
	x := a
	for ; n >= 8; n -= 8 {
		x += a
		x ^= b
		x += a
		x ^= b
		x += a
		x ^= b
		x += a
		x ^= b
		x += a
		x ^= b
		x += a
		x ^= b
		x += a
		x ^= b
		x += a
		x ^= b
	}
	return x
}

// estimateGHz times the chain: the clock that the core really ran at just now, which is
// not the TSC's. The best of three leaves out interrupts.
func estimateGHz() float64 {
	best := time.Duration(1<<63 - 1)
	for range 3 {
		start := time.Now()
		runtime.KeepAlive(chain(chainPairs/3, 0x9E3779B97F4A7C15, 0xD1B54A32D192ED03))
		best = min(best, time.Since(start))
	}
	if best <= 0 {
		return 0
	}
	return cyclesPerPair * float64(chainPairs/3) / float64(best.Nanoseconds())
}
