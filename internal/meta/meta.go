// Package meta is the metadata store: a small, strict-serialisable key-value store
// with compare-and-set commits, and (in its subpackages) the adapters that keep it.
// It holds key states, policies, grants, aliases, access keys and the catalogue;
// never blocks or extent records.
//
// Every value is sealed before it reaches an adapter (see Sealed). Keys are clear
// text: they name resources, never contents.
//
// # Limits, the same in every adapter (they are etcd's, so that code written here
// runs there)
//
//	key        at most 1 KiB, valid UTF-8, not empty
//	value      at most 256 KiB as sealed
//	commit     at most 100 conditions and operations together, at most 1 MiB
package meta

import (
	"context"
	"errors"
)

// Limits of every adapter; see the package comment.
const (
	MaxKeySize    = 1 << 10
	MaxValueSize  = 256 << 10
	MaxCommitOps  = 100
	MaxCommitSize = 1 << 20
)

var (
	// ErrNotFound says that a key has no value.
	ErrNotFound = errors.New("meta: not found")
	// ErrConflict says that a condition of a commit did not hold; nothing was changed.
	ErrConflict = errors.New("meta: conflict")
	// ErrUnknown says that a commit may or may not have been applied: read back before retrying.
	ErrUnknown = errors.New("meta: outcome unknown")
	// ErrLimit says that a key, value or commit exceeds a limit; nothing was changed.
	ErrLimit = errors.New("meta: limit exceeded")
	// ErrCorrupt says that a stored value does not authenticate or decode; the key is named.
	ErrCorrupt = errors.New("meta: corrupt value")
	// ErrFailed says that the store has failed and stays so until it is opened again.
	ErrFailed = errors.New("meta: store failed")
)

// Store is a metadata store. Its methods take and return only basic types so that a
// public package can declare the same interface without naming this one. A revision
// is store-wide, above 0 and rises with every commit. Store is safe for concurrent use.
type Store interface {
	// Get returns the value of key and the revision that wrote it, or ErrNotFound. The value is the caller's.
	Get(ctx context.Context, key string) (value []byte, revision uint64, err error)
	// Scan calls fn in key order for the keys that start with prefix and are greater
	// than after, at most limit of them (limit <= 0: all). It sees one state of the
	// store. value is valid only during fn; an error of fn ends the scan and is returned.
	Scan(ctx context.Context, prefix, after string, limit int, fn func(key string, value []byte, revision uint64) error) error
	// Commit applies put atomically and durably (a nil value deletes) if every key of
	// expect still has the revision given there (0: the key is absent); else ErrConflict.
	Commit(ctx context.Context, expect map[string]uint64, put map[string][]byte) error
	// Close releases the store. Other methods return ErrFailed afterwards.
	Close() error
}
