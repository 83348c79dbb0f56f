package nbd

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// latencyBuckets bounds: 1 µs << i for bucket i; the last bucket has no bound.
const latencyBuckets = 26

// Metrics is a snapshot of a server's counters.
type Metrics struct {
	// Connections are open now, in handshake or transmission; Attached are in transmission.
	Connections, Attached int64
	// Accepted, Rejected (over the limit), HandshakeFailures, TLSFailures, Timeouts and
	// ProtocolErrors count connections.
	Accepted, Rejected, HandshakeFailures, TLSFailures, Timeouts, ProtocolErrors uint64
	// Refused counts requests that got an error without reaching an export.
	Refused uint64
	// Inline counts requests that the reader executed itself, and Started reads whose
	// device reads it started.
	Inline, Started uint64
	// InFlightBytes is the payload of requests in flight now.
	InFlightBytes int64
	// Ops has one entry per operation.
	Ops []OpMetrics
}

// OpMetrics are the counters of one operation.
type OpMetrics struct {
	Op      Op
	Count   uint64 // requests executed, with those that failed
	Errors  uint64
	Bytes   uint64 // lengths of those that succeeded
	Latency Histogram
}

// Histogram counts durations, from a request's header to its queued reply.
type Histogram struct {
	// Buckets[i] counts durations of at most Bound(i), and above Bound(i-1).
	Buckets [latencyBuckets]uint64
	Sum     time.Duration
}

// Bound is the upper bound of a bucket; the last bucket has none and returns 0.
func (Histogram) Bound(i int) time.Duration {
	if i >= latencyBuckets-1 {
		return 0
	}
	return time.Microsecond << i
}

// counters are what Metrics is a snapshot of.
type counters struct {
	attached                                                                     atomic.Int64
	accepted, rejected, handshakeFailures, tlsFailures, timeouts, protocolErrors atomic.Uint64
	refused, inline, started                                                     atomic.Uint64
	ops                                                                          [opCount]opCounters
}

type opCounters struct {
	errors, bytes, nanos atomic.Uint64
	buckets              [latencyBuckets]atomic.Uint64
	_                    [64]byte // operations do not share cache lines
}

func (c *counters) executed(op Op, n int64, took time.Duration, ok bool) {
	o := &c.ops[op]
	if ok {
		o.bytes.Add(uint64(n))
	} else {
		o.errors.Add(1)
	}
	o.nanos.Add(uint64(took))
	o.buckets[bucketOf(took)].Add(1)
}

// bucketOf returns the first bucket whose bound is not below the duration.
func bucketOf(took time.Duration) int {
	if took <= time.Microsecond {
		return 0
	}
	micros := uint64((took - 1) / time.Microsecond)
	return min(bits.Len64(micros), latencyBuckets-1)
}

func (c *counters) snapshot() Metrics {
	m := Metrics{
		Attached: c.attached.Load(), Accepted: c.accepted.Load(), Rejected: c.rejected.Load(),
		HandshakeFailures: c.handshakeFailures.Load(), TLSFailures: c.tlsFailures.Load(),
		Timeouts: c.timeouts.Load(), ProtocolErrors: c.protocolErrors.Load(),
		Refused: c.refused.Load(), Inline: c.inline.Load(), Started: c.started.Load(),
	}
	for op := range c.ops {
		if op == cmdDisc {
			continue
		}
		from, to := &c.ops[op], OpMetrics{Op: Op(op)}
		to.Errors, to.Bytes, to.Latency.Sum = from.errors.Load(), from.bytes.Load(), time.Duration(from.nanos.Load())
		for i := range from.buckets {
			to.Latency.Buckets[i] = from.buckets[i].Load()
			to.Count += to.Latency.Buckets[i]
		}
		m.Ops = append(m.Ops, to)
	}
	return m
}
