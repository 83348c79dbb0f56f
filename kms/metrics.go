package kms

import (
	"cmp"
	"slices"
	"sync"
)

// Metrics are counters since Open.
type Metrics struct {
	Calls         []CallMetric // ordered by operation and code
	KeyCache      CacheMetric
	GrantCache    CacheMetric
	MaterialCache CacheMetric // unwrapped material
	UnsavedUses   int
	KeysErased    uint64
	RotationsRun  uint64 // automatic ones
}

// CallMetric counts the calls of an operation that ended in one way.
type CallMetric struct {
	Operation string
	Code      string // AWS's exception; empty: success
	Count     uint64
}

// CacheMetric describes a cache.
type CacheMetric struct {
	Entries, Cost int
	Hits, Misses  uint64
}

// tally keeps the counters that are not elsewhere.
type tally struct {
	mu              sync.Mutex // guards all below
	calls           map[outcomeOf]uint64
	erased, rotated uint64
}

// outcomeOf has as many values as there are operations and codes.
type outcomeOf struct{ operation, code string }

// malformedOperation stands for what clients call operations in requests that do not decode.
const malformedOperation = "malformed"

func (t *tally) count(operation string, refused *Error) {
	o := outcomeOf{operation: operation}
	if refused != nil {
		o.code = Code(refused)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls[o]++
}

func (t *tally) add(erased, rotated uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.erased += erased
	t.rotated += rotated
}

// Metrics returns the present values.
func (k *KMS) Metrics() Metrics {
	m := Metrics{KeyCache: k.keys.metric(), GrantCache: k.grants.metric(), MaterialCache: k.wrapping.metric()}
	k.uses.mu.Lock()
	m.UnsavedUses = len(k.uses.last)
	k.uses.mu.Unlock()
	k.tally.mu.Lock()
	defer k.tally.mu.Unlock()
	m.KeysErased, m.RotationsRun = k.tally.erased, k.tally.rotated
	for o, n := range k.tally.calls {
		m.Calls = append(m.Calls, CallMetric{o.operation, o.code, n})
	}
	slices.SortFunc(m.Calls, func(a, b CallMetric) int {
		return cmp.Or(cmp.Compare(a.Operation, b.Operation), cmp.Compare(a.Code, b.Code))
	})
	return m
}

func (c *cache[K, V]) metric() CacheMetric {
	c.mu.Lock()
	defer c.mu.Unlock()
	return CacheMetric{Entries: len(c.entries), Cost: c.cost, Hits: c.hits, Misses: c.misses}
}
