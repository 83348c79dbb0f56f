package audit

import (
	"errors"
	"fmt"
)

var (
	// ErrEvent says that an event is not one line of a JSON object within the limits. Nothing was written.
	ErrEvent = errors.New("audit: bad event")
	// ErrFull says that the log has as many files as it may: move old ones away.
	ErrFull = errors.New("audit: too many files")
	// ErrFailed says that a sync failed, or a failed write could not be taken back; open the log again.
	ErrFailed = errors.New("audit: log failed")
	// ErrClosed says that the log is closed.
	ErrClosed = errors.New("audit: log closed")
	// ErrBroken says that the log is not what was written; a BrokenError says where.
	ErrBroken = errors.New("audit: chain broken")
)

// BrokenError names a place where the log is not what was written.
type BrokenError struct {
	File   string
	Line   int   // from 1; 0 means the file as a whole
	Offset int64 // of the line
	Seq    uint64
	What   string
}

func (e *BrokenError) Error() string {
	return fmt.Sprintf("%v at %s line %d (offset %d, expected record %d): %s", ErrBroken, e.File, e.Line, e.Offset, e.Seq, e.What)
}

// Unwrap makes errors.Is(err, ErrBroken) hold.
func (e *BrokenError) Unwrap() error { return ErrBroken }
