package blockstore

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a reader found before a commit does not enter the cache after it.
func TestCacheRejectsWhatACommitReplaced(t *testing.T) {
	c, k := newRecordCache(), recordKey{1, currentView, 7}
	_, ok, before := c.get(k)
	require.False(t, ok)
	c.putCommitted(k, &extentRecord{generation: 2})
	c.putRead(k, &extentRecord{generation: 1}, before)
	r, ok, _ := c.get(k)
	require.True(t, ok)
	require.EqualValues(t, 2, r.generation)
}

// Readers fill the cache from an index that writers change: the cache never goes back.
func TestCacheRace(t *testing.T) {
	c := newRecordCache()
	var mu sync.Mutex
	committed := map[recordKey]uint32{} // the index
	key := func(i int) recordKey { return recordKey{1, currentView, uint64(i % 5)} }
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 20_000 {
			k := key(i)
			mu.Lock()
			committed[k]++
			n := committed[k]
			mu.Unlock()
			c.putCommitted(k, &extentRecord{generation: n})
		}
	})
	for range 3 {
		wg.Go(func() {
			last := map[recordKey]uint32{}
			for i := range 20_000 {
				k := key(i)
				r, ok, version := c.get(k)
				if ok {
					if r.generation < last[k] {
						t.Errorf("the cache went back from %d to %d", last[k], r.generation)
					}
					last[k] = r.generation
					continue
				}
				mu.Lock()
				n := committed[k]
				mu.Unlock()
				c.putRead(k, &extentRecord{generation: n}, version)
			}
		})
	}
	wg.Wait()
	for i := range 5 {
		r, ok, _ := c.get(key(i))
		require.True(t, ok)
		require.Equal(t, committed[key(i)], r.generation)
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := newRecordCache()
	for i := range uint64(2 * recordCacheExtents) {
		c.putCommitted(recordKey{1, 1, i}, nil)
	}
	n := 0
	for i := range c.shards {
		n += len(c.shards[i].records)
	}
	require.LessOrEqual(t, n, recordCacheExtents)
}
