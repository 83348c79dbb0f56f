package bench

import (
	"encoding/json"
	"fmt"
	"math/bits"
	"slices"
)

// Histogram counts durations in buckets whose width is 1/32 of their value, so every
// percentile is right within 3 %. It has a fixed size and needs no lock of its own: one
// goroutine fills it.
type Histogram struct {
	counts [histogramBuckets]uint64
	total  uint64
	max    uint64
}

const (
	subBits          = 5
	histogramBuckets = (64 - subBits + 1) << subBits
)

func bucketOf(ns uint64) int {
	if ns < 1<<subBits {
		return int(ns)
	}
	shift := bits.Len64(ns) - subBits - 1
	return (shift+1)<<subBits + int(ns>>shift) - 1<<subBits
}

// bucketHigh returns the largest value of a bucket.
func bucketHigh(i int) uint64 {
	if i < 1<<subBits {
		return uint64(i)
	}
	shift := i>>subBits - 1
	return (uint64(i&(1<<subBits-1))+1<<subBits+1)<<shift - 1
}

// Add counts one duration in nanoseconds.
func (h *Histogram) Add(ns int64) {
	v := uint64(max(ns, 0))
	h.counts[bucketOf(v)]++
	h.total++
	h.max = max(h.max, v)
}

// Merge adds o's counts.
func (h *Histogram) Merge(o *Histogram) {
	for i, c := range o.counts {
		h.counts[i] += c
	}
	h.total += o.total
	h.max = max(h.max, o.max)
}

// Count returns how many durations were added.
func (h *Histogram) Count() uint64 { return h.total }

// Quantile returns the duration in nanoseconds that a share q of them does not exceed.
func (h *Histogram) Quantile(q float64) float64 {
	if h.total == 0 {
		return 0
	}
	rank := max(1, uint64(q*float64(h.total)+0.999999))
	seen := uint64(0)
	for i, c := range h.counts {
		if seen += c; seen >= rank {
			return float64(min(bucketHigh(i), h.max))
		}
	}
	return float64(h.max)
}

// histogramJSON lists the buckets that are not empty as index, count, index, count, …
type histogramJSON struct {
	Max     uint64   `json:"max_ns"`
	Buckets []uint64 `json:"buckets"`
}

// MarshalJSON implements json.Marshaler.
func (h *Histogram) MarshalJSON() ([]byte, error) {
	j := histogramJSON{Max: h.max, Buckets: []uint64{}}
	for i, c := range h.counts {
		if c != 0 {
			j.Buckets = append(j.Buckets, uint64(i), c)
		}
	}
	return json.Marshal(j)
}

// UnmarshalJSON implements json.Unmarshaler.
func (h *Histogram) UnmarshalJSON(b []byte) error {
	var j histogramJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	if len(j.Buckets)%2 != 0 {
		return fmt.Errorf("%w: odd list of histogram buckets", ErrFormat)
	}
	*h = Histogram{max: j.Max}
	for p := range slices.Chunk(j.Buckets, 2) {
		if p[0] >= histogramBuckets {
			return fmt.Errorf("%w: histogram bucket %d", ErrFormat, p[0])
		}
		h.counts[p[0]] += p[1]
		h.total += p[1]
	}
	return nil
}
