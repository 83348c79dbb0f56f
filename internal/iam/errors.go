package iam

import (
	"errors"
	"fmt"
)

// Errors of policy documents.
var (
	// ErrMalformedPolicy says that a document is not one that AWS would accept; the wrapping error says why.
	ErrMalformedPolicy = errors.New("malformed policy document")
	// ErrPolicyTooLarge says that a document exceeds the limit of its kind.
	ErrPolicyTooLarge = errors.New("policy document too large")
)

// Errors of the Directory and of Sessions.
var (
	ErrNotFound = errors.New("no such entity")
	ErrExists   = errors.New("entity already exists")
	ErrInvalid  = errors.New("invalid argument")
	ErrLimit    = errors.New("limit exceeded")
	// ErrInUse says that an entity still has something attached and cannot be deleted.
	ErrInUse = errors.New("entity is in use")
	// ErrConflict says that the entity changed meanwhile; the caller may try again.
	ErrConflict = errors.New("concurrent change")
	// ErrToken says that a session token is not one of ours or does not belong to its access key.
	ErrToken = errors.New("invalid session token")
	// ErrExpired says that a session is over.
	ErrExpired = errors.New("session has expired")
)

// refusal is one of the errors above with what there is to say about it, in AWS's
// words where they are known.
type refusal struct {
	kind    error
	message string
}

func (e *refusal) Error() string { return e.kind.Error() + ": " + e.message }
func (e *refusal) Unwrap() error { return e.kind }

func refuse(kind error, format string, args ...any) error {
	return &refusal{kind, fmt.Sprintf(format, args...)}
}

func malformed(format string, args ...any) error { return refuse(ErrMalformedPolicy, format, args...) }

// Message returns what an API's error message says: the refusal without its kind.
func Message(err error) string {
	if e := (*refusal)(nil); errors.As(err, &e) {
		return e.message
	}
	return err.Error()
}
