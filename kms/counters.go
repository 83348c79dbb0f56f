package kms

import (
	"context"
	"sync"

	"coffer.example/internal/meta"
)

// counters count names under a prefix for limits: once by a scan, then along with the
// changes of this process. A change takes its place before its commit and gives it
// back if the commit fails.
type counters struct {
	max    int
	mu     sync.Mutex // guards counts
	counts map[string]int
}

func newCounters(max int) *counters { return &counters{max: max, counts: map[string]int{}} }

// add changes the count of prefix by n, unless it would exceed limit; it reports whether it did.
func (c *counters) add(ctx context.Context, s meta.Store, prefix string, n, limit int) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	count, ok := c.counts[prefix]
	if !ok {
		err := s.Scan(ctx, prefix, "", 0, func(string, []byte, uint64) error { count++; return nil })
		if err != nil {
			return false, err
		}
		if len(c.counts) >= c.max {
			clear(c.counts) // they are counted again
		}
	}
	if n > 0 && count+n > limit {
		c.counts[prefix] = count
		return false, nil
	}
	c.counts[prefix] = max(count+n, 0)
	return true, nil
}

// release counts one name less, if prefix is counted at all.
func (c *counters) release(prefix string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n, ok := c.counts[prefix]; ok {
		c.counts[prefix] = max(n-1, 0)
	}
}
