package blockstore

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// latencyBuckets is the number of buckets: 1 µs << i bounds bucket i, the last has no bound.
const latencyBuckets = 26

// latency counts how long operations took. Adding to it takes no lock and no memory.
type latency struct {
	nanos   atomic.Uint64
	buckets [latencyBuckets]atomic.Uint64
	_       [64]byte // operations do not share cache lines
}

func (l *latency) since(began time.Time) {
	took := time.Since(began)
	l.nanos.Add(uint64(took))
	l.buckets[latencyBucket(took)].Add(1)
}

// latencyBucket returns the first bucket whose bound is not below the duration.
func latencyBucket(took time.Duration) int {
	if took <= time.Microsecond {
		return 0
	}
	return min(bits.Len64(uint64((took-1)/time.Microsecond)), latencyBuckets-1)
}

// Latency is how long the operations of a kind took that succeeded.
type Latency struct {
	// Buckets[i] counts durations of at most Bound(i), and above Bound(i-1).
	Buckets [latencyBuckets]uint64
	Sum     time.Duration
}

// Bound is the upper bound of a bucket; the last has none and returns 0.
func (Latency) Bound(i int) time.Duration {
	if i >= latencyBuckets-1 {
		return 0
	}
	return time.Microsecond << i
}

// Count is the number of operations.
func (l *Latency) Count() (n uint64) {
	for _, b := range l.Buckets {
		n += b
	}
	return n
}

func (l *latency) snapshot() (out Latency) {
	out.Sum = time.Duration(l.nanos.Load())
	for i := range l.buckets {
		out.Buckets[i] = l.buckets[i].Load()
	}
	return out
}
