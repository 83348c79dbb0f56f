package bench

import "time"

const (
	// MinRounds is the fewest rounds of a report: 20 give the 95 % interval of a median its sixth order statistic.
	MinRounds = 20
	// MinLongRounds is the fewest where every case measures itself: 6 give the 95 % interval of a median its extremes.
	MinLongRounds = 6
	// MaxRounds bounds the memory of a report.
	MaxRounds = 10_000
	// DefaultRounds is an odd number, so that the median is a measured value.
	DefaultRounds = 31
	// DefaultSlot is how long one slot runs: long against the clock's resolution, short against drift.
	DefaultSlot = 4 * time.Millisecond
	// MaxSlot bounds one slot.
	MaxSlot = time.Minute
	// MaxCores bounds the goroutines of one case.
	MaxCores = 1024
	// MaxReportSize bounds a report file that is read, in bytes.
	MaxReportSize = 256 << 20

	// minTime and maxTime bound a time per operation that is read, in nanoseconds: a thousandth to eleven days.
	minTime, maxTime = 1e-3, 1e15
	// maxBytes bounds the bytes of one operation that is read.
	maxBytes = 1 << 40
	// maxTicks bounds the labels of an axis.
	maxTicks = 20

	// childStart bounds how long a child may take to answer for the first time.
	childStart = 30 * time.Second
	// maxChildStderr bounds what is kept of a child's complaints.
	maxChildStderr = 4 << 10
)
