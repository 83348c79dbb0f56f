// Package memmeta keeps metadata in memory: for tests and for stores that need not
// survive the process. It keeps every rule and limit of meta.Store except durability.
package memmeta

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"coffer.example/internal/meta"
)

type entry struct {
	value    []byte // never changed once stored
	revision uint64
}

// Store is a meta.Store in memory.
type Store struct {
	mu       sync.RWMutex // guards all fields
	entries  map[string]entry
	keys     []string // sorted keys of entries
	revision uint64
	closed   bool
}

// New returns an empty store.
func New() *Store { return &Store{entries: map[string]entry{}} }

// usable reports a closed store or a cancelled context. The lock is held.
func (s *Store) usable(ctx context.Context) error {
	if s.closed {
		return fmt.Errorf("%w: closed", meta.ErrFailed)
	}
	return ctx.Err()
}

// Get implements meta.Store.
func (s *Store) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	if err := meta.CheckKey(key); err != nil {
		return nil, 0, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(ctx); err != nil {
		return nil, 0, err
	}
	e, ok := s.entries[key]
	if !ok {
		return nil, 0, meta.ErrNotFound
	}
	return bytes.Clone(e.value), e.revision, nil
}

// Scan implements meta.Store.
func (s *Store) Scan(ctx context.Context, prefix, after string, limit int, fn func(string, []byte, uint64) error) error {
	keys, found, err := s.view(ctx, prefix, after, limit)
	if err != nil {
		return err
	}
	for i, e := range found {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := fn(keys[i], bytes.Clone(e.value), e.revision); err != nil {
			return err
		}
	}
	return nil
}

// view collects the entries of a scan under the lock, so that fn may call the store.
func (s *Store) view(ctx context.Context, prefix, after string, limit int) (keys []string, found []entry, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(ctx); err != nil {
		return nil, nil, err
	}
	i, _ := slices.BinarySearch(s.keys, max(prefix, after))
	for _, k := range s.keys[i:] {
		if !strings.HasPrefix(k, prefix) || limit > 0 && len(keys) == limit {
			break
		}
		if k > after {
			keys, found = append(keys, k), append(found, s.entries[k])
		}
	}
	return keys, found, nil
}

// Commit implements meta.Store.
func (s *Store) Commit(ctx context.Context, expect map[string]uint64, put map[string][]byte) error {
	if err := meta.CheckCommit(expect, put); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx); err != nil {
		return err
	}
	for k, rev := range expect {
		if s.entries[k].revision != rev {
			return fmt.Errorf("%w: %q", meta.ErrConflict, k)
		}
	}
	s.revision++
	for k, v := range put {
		s.put(k, v)
	}
	return nil
}

func (s *Store) put(key string, value []byte) {
	i, had := slices.BinarySearch(s.keys, key)
	switch {
	case value == nil && had:
		s.keys = slices.Delete(s.keys, i, i+1)
		delete(s.entries, key)
	case value != nil:
		if !had {
			s.keys = slices.Insert(s.keys, i, key)
		}
		s.entries[key] = entry{append([]byte{}, value...), s.revision}
	}
}

// Close implements meta.Store.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}
