package blockstore

import "sync"

// blockCache keeps opened blocks of the volumes that are open, so that what is read
// again costs no device read and no decryption. A block is named by its sequence,
// which no other block ever has, so an entry can never be stale. Entries hold
// plaintext: a device's are cleared when it closes.
type blockCache struct {
	shards [cacheShards]blockShard
}

// blockShard evicts by CLOCK: the hand passes over entries used since it came by last.
type blockShard struct {
	mu      sync.Mutex // guards the fields below
	at      map[uint64]int32
	entries []blockEntry
	hand    int
	max     int
}

type blockEntry struct {
	sequence uint64 // 0: empty
	device   *Device
	used     bool
	data     []byte
}

// newBlockCache returns a cache of at most size bytes; nil, which caches nothing, for less than one block per shard.
func newBlockCache(size int64) *blockCache {
	each := int(size / BlockSize / cacheShards)
	if each < 1 {
		return nil
	}
	c := new(blockCache)
	for i := range c.shards {
		c.shards[i].max, c.shards[i].at = each, map[uint64]int32{}
	}
	return c
}

func (c *blockCache) shard(sequence uint64) *blockShard {
	return &c.shards[sequence*0x9e3779b97f4a7c15>>58]
}

// get copies a block out.
func (c *blockCache) get(dst []byte, sequence uint64) bool {
	if c == nil {
		return false
	}
	s := c.shard(sequence)
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.at[sequence]
	if ok {
		s.entries[i].used = true
		copy(dst, s.entries[i].data)
	}
	return ok
}

// has says whether a block is cached.
func (c *blockCache) has(sequence uint64) bool {
	if c == nil {
		return false
	}
	s := c.shard(sequence)
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.at[sequence]
	return ok
}

// put copies a block in.
func (c *blockCache) put(d *Device, sequence uint64, data []byte) {
	if c == nil {
		return
	}
	s := c.shard(sequence)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.at[sequence]; ok || d.closed.Load() { // closed is set before forget comes by
		return
	}
	i := s.room()
	e := &s.entries[i]
	if e.sequence != 0 {
		delete(s.at, e.sequence)
	}
	e.sequence, e.device, e.used = sequence, d, false
	copy(e.data, data)
	s.at[sequence] = int32(i)
}

// room returns the entry to use next.
func (s *blockShard) room() int {
	if len(s.entries) < s.max {
		s.entries = append(s.entries, blockEntry{data: make([]byte, BlockSize)})
		return len(s.entries) - 1
	}
	for {
		s.hand = (s.hand + 1) % len(s.entries)
		if e := &s.entries[s.hand]; !e.used {
			return s.hand
		} else {
			e.used = false // so the second time round ends it
		}
	}
}

// forget clears a closed device's blocks.
func (c *blockCache) forget(d *Device) {
	if c == nil {
		return
	}
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		for j := range s.entries {
			if e := &s.entries[j]; e.device == d {
				delete(s.at, e.sequence)
				clear(e.data)
				e.sequence, e.device, e.used = 0, nil, false
			}
		}
		s.mu.Unlock()
	}
}
