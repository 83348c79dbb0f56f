package iam

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"

	"coffer.example/internal/meta"
)

// mapStore is a store in memory whose commit N can fail, before or after it is applied.
type mapStore struct {
	mu       sync.Mutex
	values   map[string][]byte
	revs     map[string]uint64
	revision uint64
	commits  int
	failAt   int
	applied  bool
	gets     int
}

func newMapStore() *mapStore {
	return &mapStore{values: map[string][]byte{}, revs: map[string]uint64{}}
}

func (s *mapStore) Get(_ context.Context, key string) ([]byte, uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gets++
	v, ok := s.values[key]
	if !ok {
		return nil, 0, meta.ErrNotFound
	}
	return bytes.Clone(v), s.revs[key], nil
}

func (s *mapStore) Scan(_ context.Context, prefix, after string, limit int, fn func(string, []byte, uint64) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var keys []string
	for k := range s.values {
		if strings.HasPrefix(k, prefix) && k > after {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for i, k := range keys {
		if limit > 0 && i == limit {
			break
		}
		if err := fn(k, s.values[k], s.revs[k]); err != nil {
			return err
		}
	}
	return nil
}

func (s *mapStore) Commit(_ context.Context, expect map[string]uint64, put map[string][]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commits++
	fail := s.failAt > 0 && s.commits == s.failAt
	if fail && !s.applied {
		return meta.ErrUnknown
	}
	for k, rev := range expect {
		if s.revs[k] != rev {
			return meta.ErrConflict
		}
	}
	s.revision++
	for k, v := range put {
		if v == nil {
			delete(s.values, k)
			delete(s.revs, k)
			continue
		}
		s.values[k], s.revs[k] = bytes.Clone(v), s.revision
	}
	if fail {
		return meta.ErrUnknown
	}
	return nil
}
