package iam

import "sync"

// Cache parses each distinct document once, so that a request costs no parsing. It
// keeps two generations: when the younger is full it becomes the older one, and the
// older one is dropped; what is still used moves to the younger. It is safe for concurrent use.
type Cache struct {
	half int // bytes of text per generation

	mu         sync.RWMutex // guards the fields below
	young, old map[cacheKey]*Policy
	bytes      int // of text in young
}

type cacheKey struct {
	kind Kind
	text string
}

// NewCache returns a cache of at most maxBytes of policy text.
func NewCache(maxBytes int) *Cache {
	return &Cache{half: maxBytes / 2, young: map[cacheKey]*Policy{}}
}

// Parse is the function Parse, remembered.
func (c *Cache) Parse(kind Kind, text string) (*Policy, error) {
	key := cacheKey{kind, text}
	c.mu.RLock()
	p, ok := c.young[key]
	if !ok {
		p = c.old[key]
	}
	c.mu.RUnlock()
	if ok {
		return p, nil
	}
	if p == nil {
		var err error
		if p, err = Parse(kind, []byte(text)); err != nil {
			return nil, err
		}
	}
	c.add(key, p)
	return p, nil
}

func (c *Cache) add(key cacheKey, p *Policy) {
	if len(key.text) > c.half {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.young[key]; ok {
		return
	}
	if c.bytes+len(key.text) > c.half {
		c.old, c.young, c.bytes = c.young, map[cacheKey]*Policy{}, 0
	}
	c.young[key] = p
	c.bytes += len(key.text)
}
