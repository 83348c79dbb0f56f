package iam

import "sync"

// maxCachedCredentials bounds the cache; a full one is emptied, since what is in use comes back at once.
const maxCachedCredentials = 4096

// credentialCache remembers credentials until anything in the directory changes.
type credentialCache struct {
	mu      sync.RWMutex // guards the fields below
	changes uint64
	entries map[cachedCredential]Credential
}

type cachedCredential struct{ id, token string }

func (c *credentialCache) get(id, token string) (Credential, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	cred, ok := c.entries[cachedCredential{id, token}]
	return cred, ok
}

// generation is asked before the store is read; put drops what was read before a change.
func (c *credentialCache) generation() uint64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.changes
}

func (c *credentialCache) put(generation uint64, id, token string, cred Credential) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if generation != c.changes {
		return
	}
	if c.entries == nil || len(c.entries) >= maxCachedCredentials {
		c.entries = map[cachedCredential]Credential{}
	}
	c.entries[cachedCredential{id, token}] = cred
}

// forget empties the cache.
func (c *credentialCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes++
	c.entries = nil
}
