// Package blob is the store of immutable objects: sealed image layers, exports, whatever
// is too large for the metadata store. Its subpackages keep the objects in a directory
// (dirblob) or in memory (memblob).
//
// An object appears whole and durable, or not at all, and never changes. A name is used
// for one object only, ever: a caller makes names that cannot come again (with random
// parts), so that a reader of a name can hold no other object than the one it means. Put
// refuses a name that exists; that a deleted name comes back is the caller's mistake, which no store can find.
//
// The store neither seals nor understands what it keeps. Names are clear text and
// must tell nothing of the contents.
//
// # Limits, the same in every store
//
//	name      1 to 512 bytes: parts of a-z A-Z 0-9 . _ - (1 to 200 bytes, no dot first), joined by /;
//	          a name that continues another one after a / (a, a/b) may be refused
//	object    up to 2^48 bytes
package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// The longest name, and the longest of its parts, in bytes.
const (
	MaxNameSize = 512
	MaxPartSize = 200
)

var (
	// ErrNotFound says that there is no object of that name.
	ErrNotFound = errors.New("blob: not found")
	// ErrExists says that there is an object of that name already; it is unchanged.
	ErrExists = errors.New("blob: exists")
	// ErrName says that a name is not allowed.
	ErrName = errors.New("blob: invalid name")
)

// Store is a store of immutable objects. It is safe for concurrent use.
type Store interface {
	// Put makes the object of a name from what write writes. The object exists, durably, when Put
	// returns nil. If write or the store fails, or ctx ends, nothing appears under the name.
	Put(ctx context.Context, name string, write func(w io.Writer) error) error
	// Get opens an object for reading ranges of it; the caller closes it. It stays readable while it is open, also when it is deleted.
	Get(ctx context.Context, name string) (Object, error)
	// Stat returns the size of an object.
	Stat(ctx context.Context, name string) (size int64, err error)
	// List calls fn in name order for the objects whose names start with prefix and are
	// greater than after, at most limit of them (limit <= 0: all). An error of fn ends it and is returned.
	List(ctx context.Context, prefix, after string, limit int, fn func(name string, size int64) error) error
	// Delete removes an object, durably.
	Delete(ctx context.Context, name string) error
}

// Object is an open object. ReadAt may be called concurrently.
type Object interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// CheckName returns ErrName unless name is allowed.
func CheckName(name string) error {
	if name == "" || len(name) > MaxNameSize {
		return fmt.Errorf("%w: %d bytes", ErrName, len(name))
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || len(part) > MaxPartSize || part[0] == '.' || strings.Trim(part, nameBytes) != "" {
			return fmt.Errorf("%w: %q", ErrName, name)
		}
	}
	return nil
}

const nameBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
