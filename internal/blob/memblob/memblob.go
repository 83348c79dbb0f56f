// Package memblob keeps objects in memory, for tests and for programs that keep nothing.
package memblob

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"coffer.example/internal/blob"
)

// Store is a blob.Store in memory.
type Store struct {
	mu      sync.RWMutex // guards objects
	objects map[string][]byte
}

// New returns an empty store.
func New() *Store { return &Store{objects: map[string][]byte{}} }

// Put implements blob.Store.
func (s *Store) Put(ctx context.Context, name string, write func(io.Writer) error) error {
	if err := blob.CheckName(name); err != nil {
		return err
	}
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.objects[name]; ok {
		return fmt.Errorf("%w: %s", blob.ErrExists, name)
	}
	s.objects[name] = b.Bytes()
	return nil
}

func (s *Store) find(name string) ([]byte, error) {
	if err := blob.CheckName(name); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	b, ok := s.objects[name]
	if !ok {
		return nil, fmt.Errorf("%w: %s", blob.ErrNotFound, name)
	}
	return b, nil
}

type object struct{ *bytes.Reader }

func (object) Close() error { return nil }

// Get implements blob.Store.
func (s *Store) Get(_ context.Context, name string) (blob.Object, error) {
	b, err := s.find(name)
	if err != nil {
		return nil, err
	}
	return object{bytes.NewReader(b)}, nil
}

// Stat implements blob.Store.
func (s *Store) Stat(_ context.Context, name string) (int64, error) {
	b, err := s.find(name)
	return int64(len(b)), err
}

// List implements blob.Store.
func (s *Store) List(ctx context.Context, prefix, after string, limit int, fn func(string, int64) error) error {
	s.mu.RLock()
	names := slices.Sorted(maps.Keys(s.objects))
	s.mu.RUnlock()
	for _, name := range names {
		if !strings.HasPrefix(name, prefix) || name <= after {
			continue
		}
		size, err := s.Stat(ctx, name)
		if err != nil {
			continue // deleted meanwhile
		}
		if err := fn(name, size); err != nil {
			return err
		}
		if limit--; limit == 0 {
			return nil
		}
	}
	return nil
}

// Delete implements blob.Store.
func (s *Store) Delete(_ context.Context, name string) error {
	if _, err := s.find(name); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, name)
	return nil
}
