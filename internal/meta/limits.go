package meta

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"
)

// CheckKey returns ErrLimit unless key is allowed.
func CheckKey(key string) error {
	if key == "" || len(key) > MaxKeySize || !utf8.ValidString(key) {
		return fmt.Errorf("%w: key of %d bytes", ErrLimit, len(key))
	}
	return nil
}

// CheckCommit returns ErrLimit unless every adapter accepts the commit.
func CheckCommit(expect map[string]uint64, put map[string][]byte) error {
	if n := len(expect) + len(put); n > MaxCommitOps {
		return fmt.Errorf("%w: %d conditions and operations in a commit", ErrLimit, n)
	}
	size := 0
	for k := range expect {
		if err := CheckKey(k); err != nil {
			return err
		}
		size += len(k)
	}
	for k, v := range put {
		if err := CheckKey(k); err != nil {
			return err
		}
		if len(v) > MaxValueSize {
			return fmt.Errorf("%w: value of %d bytes at %q", ErrLimit, len(v), k)
		}
		size += len(k) + len(v)
	}
	if size > MaxCommitSize {
		return fmt.Errorf("%w: commit of %d bytes", ErrLimit, size)
	}
	return nil
}

// Eraser is an optional interface of a Store that can make deleted values unreadable
// in the files it keeps, old versions and logs included. A store that forgets a value
// when it deletes it need not implement it.
type Eraser interface {
	// Erase returns once no file of the store holds a deleted or overwritten value of a key that starts with prefix.
	Erase(ctx context.Context, prefix string) error
}

// Erase calls s.Erase if s is an Eraser.
func Erase(ctx context.Context, s Store, prefix string) error {
	if e, ok := s.(Eraser); ok {
		return e.Erase(ctx, prefix)
	}
	return nil
}

// Checkpointer is an optional interface of a Store that keeps its own files.
type Checkpointer interface {
	// Checkpoint makes dir, which must not exist, a store with everything that is durable
	// now. during runs at that moment: nothing is committed before it has returned.
	Checkpoint(ctx context.Context, dir string, during func() error) error
}

// ErrNoCheckpoint says that a store keeps its contents elsewhere.
var ErrNoCheckpoint = errors.New("meta: this store keeps its contents elsewhere")

// Checkpoint calls s.Checkpoint if s is a Checkpointer.
func Checkpoint(ctx context.Context, s Store, dir string, during func() error) error {
	if c, ok := s.(Checkpointer); ok {
		return c.Checkpoint(ctx, dir, during)
	}
	return ErrNoCheckpoint
}
