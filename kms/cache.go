package kms

import (
	"container/list"
	"sync"
)

// cache is a bounded LRU over records that this process alone changes. A change
// brackets its commit with begin and end: between them the entry is neither served nor
// stored, so a reader sees the store's own order, and what was loaded before a change
// is not stored after it.
type cache[K comparable, V any] struct {
	maxCost int

	mu      sync.Mutex // guards all below
	entries map[K]*list.Element
	order   *list.List // of *cached[K, V], most recently used first
	cost    int
	dirty   map[K]int // running changes per key
	hits    uint64
	misses  uint64
	epoch   uint64 // rises when a change begins and when it ends
}

type cached[K comparable, V any] struct {
	key   K
	value V
	cost  int
}

func newCache[K comparable, V any](maxCost int) *cache[K, V] {
	return &cache[K, V]{maxCost: maxCost, entries: map[K]*list.Element{}, order: list.New(), dirty: map[K]int{}}
}

// get returns the value of key, loading it if need be. load also returns its cost.
func (c *cache[K, V]) get(key K, load func() (V, int, error)) (V, error) {
	c.mu.Lock()
	if e, ok := c.entries[key]; ok {
		c.order.MoveToFront(e)
		c.hits++
		v := e.Value.(*cached[K, V]).value
		c.mu.Unlock()
		return v, nil
	}
	c.misses++
	epoch := c.epoch
	c.mu.Unlock()
	v, cost, err := load()
	if err == nil {
		c.put(key, v, cost, epoch)
	}
	return v, err
}

func (c *cache[K, V]) put(key K, v V, cost int, epoch uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.epoch != epoch || c.dirty[key] > 0 || cost > c.maxCost {
		return
	}
	if _, ok := c.entries[key]; ok {
		return
	}
	c.entries[key] = c.order.PushFront(&cached[K, V]{key, v, cost})
	c.cost += cost
	for c.cost > c.maxCost {
		c.remove(c.order.Back())
	}
}

// remove drops an entry. c.mu is held.
func (c *cache[K, V]) remove(e *list.Element) {
	x := c.order.Remove(e).(*cached[K, V])
	delete(c.entries, x.key)
	c.cost -= x.cost
}

// begin announces a change of key and returns the function that ends it.
func (c *cache[K, V]) begin(key K) (end func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	c.dirty[key]++
	if e, ok := c.entries[key]; ok {
		c.remove(e)
	}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.epoch++ // what was loaded before the commit is not stored after it
		if c.dirty[key]--; c.dirty[key] == 0 {
			delete(c.dirty, key)
		}
	}
}

// drop removes everything.
func (c *cache[K, V]) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	clear(c.entries)
	c.order.Init()
	c.cost = 0
}
