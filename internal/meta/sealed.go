package meta

import (
	"context"
	"fmt"
	"io"

	"coffer.example/aead"
)

// MaxSealedValue is the largest value that a sealed store takes.
const MaxSealedValue = MaxValueSize - aead.RecordOverhead

// sealed seals every value of another store; see Sealed.
type sealed struct {
	inner Store
	key   *aead.RecordKey
	rand  io.Reader
}

// Sealed returns a store that seals each value under key before it reaches store and
// authenticates it on the way back, bound to its key name: a value that was changed,
// or moved to another name, is ErrCorrupt. An older value of the same name is not
// noticed. rand must be safe for concurrent use.
func Sealed(store Store, key *aead.RecordKey, rand io.Reader) Store {
	return &sealed{inner: store, key: key, rand: rand}
}

func (s *sealed) open(key string, value []byte) ([]byte, error) {
	out, err := s.key.Open(nil, value, []byte(key))
	if err != nil {
		return nil, fmt.Errorf("%w: %q: %w", ErrCorrupt, key, err)
	}
	if out == nil {
		out = []byte{}
	}
	return out, nil
}

func (s *sealed) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	v, rev, err := s.inner.Get(ctx, key)
	if err != nil {
		return nil, 0, err
	}
	if v, err = s.open(key, v); err != nil {
		return nil, 0, err
	}
	return v, rev, nil
}

func (s *sealed) Scan(ctx context.Context, prefix, after string, limit int, fn func(string, []byte, uint64) error) error {
	return s.inner.Scan(ctx, prefix, after, limit, func(key string, value []byte, rev uint64) error {
		v, err := s.open(key, value)
		if err != nil {
			return err
		}
		return fn(key, v, rev)
	})
}

func (s *sealed) Commit(ctx context.Context, expect map[string]uint64, put map[string][]byte) error {
	out := make(map[string][]byte, len(put))
	for k, v := range put {
		if v == nil {
			out[k] = nil
			continue
		}
		if len(v) > MaxSealedValue {
			return fmt.Errorf("%w: value of %d bytes at %q", ErrLimit, len(v), k)
		}
		b, err := s.key.Seal(s.rand, nil, v, []byte(k))
		if err != nil {
			return err
		}
		out[k] = b
	}
	return s.inner.Commit(ctx, expect, out)
}

func (s *sealed) Erase(ctx context.Context, prefix string) error {
	return Erase(ctx, s.inner, prefix)
}

func (s *sealed) Close() error { return s.inner.Close() }
