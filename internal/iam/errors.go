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

// malformedError is an ErrMalformedPolicy with its reason.
type malformedError struct{ reason string }

func (e *malformedError) Error() string { return ErrMalformedPolicy.Error() + ": " + e.reason }
func (e *malformedError) Unwrap() error { return ErrMalformedPolicy }

func malformed(format string, args ...any) error {
	return &malformedError{fmt.Sprintf(format, args...)}
}

// MalformedReason returns what is wrong with a document, in AWS's words where they are
// known, for the message of a MalformedPolicyDocument error.
func MalformedReason(err error) string {
	if e := (*malformedError)(nil); errors.As(err, &e) {
		return e.reason
	}
	return err.Error()
}
