package kms_test

import (
	"context"
	"errors"
	"sync"

	"coffer.example/kms"
)

var errStore = errors.New("injected store error")

// failingStore fails every commit after a number of them, before or after applying it.
type failingStore struct {
	kms.Store
	mu      sync.Mutex
	commits int // that succeed
	after   bool
}

func (s *failingStore) Commit(ctx context.Context, expect map[string]uint64, put map[string][]byte) error {
	s.mu.Lock()
	s.commits--
	left := s.commits
	s.mu.Unlock()
	if left >= 0 {
		return s.Store.Commit(ctx, expect, put)
	}
	if s.after && left == -1 {
		if err := s.Store.Commit(ctx, expect, put); err != nil {
			return err
		}
	}
	return errStore
}
