package blockstore

import (
	"errors"
	"fmt"
)

// Errors of a request: nothing was changed.
var (
	// ErrNotFound says that a volume or snapshot does not exist.
	ErrNotFound = errors.New("blockstore: not found")
	// ErrExists says that an id is taken.
	ErrExists = errors.New("blockstore: already exists")
	// ErrInvalid says that a size, range or id is not acceptable.
	ErrInvalid = errors.New("blockstore: invalid argument")
	// ErrAttached says that a volume is attached, so it cannot be attached again or deleted.
	ErrAttached = errors.New("blockstore: volume is attached")
	// ErrDetached says that a device has been detached.
	ErrDetached = errors.New("blockstore: device is detached")
	// ErrNoSpace says that the pool limit or the space reserve is reached; the write was not acknowledged.
	ErrNoSpace = errors.New("blockstore: no space left")
	// ErrUnclean says that a store cannot be opened read-only before it has been opened for writing once.
	ErrUnclean = errors.New("blockstore: store was not closed cleanly")
	// ErrReadOnly says that the store was opened read-only, because it was asked to or because a record cannot be decoded.
	ErrReadOnly = errors.New("blockstore: store is read-only")
	// ErrLimit says that a named limit of limits.go is reached.
	ErrLimit = errors.New("blockstore: limit reached")
)

// Errors of opening a store or a volume.
var (
	// ErrLocked says that another process has the directory open.
	ErrLocked = errors.New("blockstore: directory is in use by another process")
	// ErrFormat says that the directory holds no store, or one of an unknown version.
	ErrFormat = errors.New("blockstore: not a store of a known format")
	// ErrNoKeys says that an operation needs a Keyring and the store was opened without one.
	ErrNoKeys = errors.New("blockstore: opened without keys")
	// ErrWrongKey says that an unwrapped data key is not the one that the volume was sealed under.
	ErrWrongKey = errors.New("blockstore: data key does not match the volume")
	// ErrRollback says that the index is older than its anchor; attach with AcceptRollback if that is meant.
	ErrRollback = errors.New("blockstore: volume is older than its anchor (rolled back)")
)

// Errors that last: the volume, zone or store stays failed until it is opened again.
var (
	// ErrFailed says that the volume or the whole store has failed; every operation answers EIO.
	ErrFailed = errors.New("blockstore: failed")
)

// ErrCorrupt marks data that does not authenticate or decode. Match it with
// errors.Is; errors.As with *CorruptError gives the place.
var ErrCorrupt = errors.New("blockstore: corrupt")

// CorruptError names the place of a corruption, never any key or data.
type CorruptError struct {
	Kind   string // one of the Kind constants of verify.go
	Volume string // id, if known
	Block  int64  // block number, or -1
	Slot   int64  // slot number, or -1
	Detail string
}

// Error implements error.
func (e *CorruptError) Error() string {
	s := "blockstore: corrupt " + e.Kind
	if e.Volume != "" {
		s += " of " + e.Volume
	}
	if e.Block >= 0 {
		s += fmt.Sprintf(" at block %d", e.Block)
	}
	if e.Slot >= 0 {
		s += fmt.Sprintf(" (slot %d)", e.Slot)
	}
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	return s
}

// Unwrap makes errors.Is(err, ErrCorrupt) hold.
func (e *CorruptError) Unwrap() error { return ErrCorrupt }

// corrupt returns a CorruptError without block and slot.
func corrupt(kind, volume, format string, args ...any) error {
	return &CorruptError{Kind: kind, Volume: volume, Block: -1, Slot: -1, Detail: fmt.Sprintf(format, args...)}
}

// KeyError wraps a Keyring's refusal: which data key of which volume or snapshot could not be used.
type KeyError struct {
	ID  string // volume or snapshot id
	Err error
}

// Error implements error.
func (e *KeyError) Error() string { return fmt.Sprintf("blockstore: data key of %s: %v", e.ID, e.Err) }

// Unwrap returns the Keyring's error.
func (e *KeyError) Unwrap() error { return e.Err }
