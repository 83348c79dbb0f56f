package blockstore

import "sync"

// recordKey names an extent in one view: the current state of a volume (generation
// currentView) or a snapshot.
type recordKey struct {
	volume     uint32
	generation uint32
	extent     uint64
}

// currentView is the generation under which a volume's current records are cached.
const currentView = ^uint32(0)

const cacheShards = 64

// recordCache is a bounded cache of decoded, authenticated extent records. A nil
// record means that the view has none for the extent.
type recordCache struct {
	shards [cacheShards]cacheShard
}

type cacheShard struct {
	mu      sync.Mutex // guards the fields below
	records map[recordKey]*extentRecord
	version uint64 // of commits; a reader that raced with one must not insert what it read before
}

func newRecordCache() *recordCache {
	c := new(recordCache)
	for i := range c.shards {
		c.shards[i].records = make(map[recordKey]*extentRecord)
	}
	return c
}

func (c *recordCache) shard(k recordKey) *cacheShard {
	h := (k.extent ^ uint64(k.volume)<<20 ^ uint64(k.generation)<<40) * 0x9e3779b97f4a7c15
	return &c.shards[h>>58]
}

// get returns the cached record. If there is none, version allows a later putRead.
func (c *recordCache) get(k recordKey) (r *extentRecord, ok bool, version uint64) {
	s := c.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok = s.records[k]
	return r, ok, s.version
}

// putRead enters a record that was read from the index, unless a commit came between.
func (c *recordCache) putRead(k recordKey, r *extentRecord, version uint64) {
	s := c.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.version == version {
		s.put(k, r)
	}
}

// putCommitted enters a record that has just been committed.
func (c *recordCache) putCommitted(k recordKey, r *extentRecord) {
	s := c.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	s.put(k, r)
}

// put makes room by dropping an arbitrary record: Go's map order is random enough.
func (s *cacheShard) put(k recordKey, r *extentRecord) {
	if len(s.records) >= recordCacheExtents/cacheShards {
		for victim := range s.records {
			delete(s.records, victim)
			break
		}
	}
	s.records[k] = r
}
