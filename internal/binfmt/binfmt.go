// Package binfmt reads and writes the bounded big-endian fields that coffer's binary
// formats are made of. It knows no format itself.
//
// A Writer has a size limit and a Reader the bytes it was given; both remember their
// first error, after which every call is a no-op that returns zero values, so that a
// codec is a straight list of fields with one check at the end. A Reader's Finish
// refuses bytes that were not read: every format has exactly one encoding.
//
// Lengths are u16 or u32, and every variable field is read with a limit, so no
// allocation is larger than the caller allows.
package binfmt

import "errors"

var (
	// ErrShort says that the input ends inside a field.
	ErrShort = errors.New("binfmt: input too short")
	// ErrTrailing says that bytes follow the last field.
	ErrTrailing = errors.New("binfmt: trailing bytes")
	// ErrLimit says that a field or the whole output is longer than its limit.
	ErrLimit = errors.New("binfmt: limit exceeded")
	// ErrValue says that a field has a value that its format does not allow.
	ErrValue = errors.New("binfmt: bad value")
)
