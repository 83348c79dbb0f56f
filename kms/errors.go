package kms

import (
	"errors"
	"fmt"

	"coffer.example/internal/meta"
)

// Kinds of refusal of an operation; a front end maps each to the AWS error of the
// same name. They are found with errors.Is in every *Error.
var (
	ErrAccessDenied         = errors.New("kms: access denied")
	ErrAlreadyExists        = errors.New("kms: already exists")
	ErrConflict             = errors.New("kms: conflict")
	ErrDisabled             = errors.New("kms: key is disabled")
	ErrDryRun               = errors.New("kms: dry run would have succeeded")
	ErrExpiredImportToken   = errors.New("kms: import token has expired")
	ErrIncorrectKey         = errors.New("kms: incorrect key")
	ErrIncorrectKeyMaterial = errors.New("kms: incorrect key material")
	ErrInternal             = errors.New("kms: internal error")
	ErrInvalidAliasName     = errors.New("kms: invalid alias name")
	ErrInvalidArn           = errors.New("kms: invalid ARN")
	ErrInvalidCiphertext    = errors.New("kms: invalid ciphertext")
	ErrInvalidGrantID       = errors.New("kms: invalid grant id")
	ErrInvalidGrantToken    = errors.New("kms: invalid grant token")
	ErrInvalidImportToken   = errors.New("kms: invalid import token")
	ErrInvalidKeyUsage      = errors.New("kms: invalid key usage")
	ErrInvalidMac           = errors.New("kms: invalid MAC")
	ErrInvalidMarker        = errors.New("kms: invalid marker")
	ErrInvalidState         = errors.New("kms: invalid key state")
	ErrLimitExceeded        = errors.New("kms: limit exceeded")
	ErrMalformedPolicy      = errors.New("kms: malformed policy document")
	ErrNotFound             = errors.New("kms: not found")
	ErrTag                  = errors.New("kms: invalid tag")
	ErrUnsupported          = errors.New("kms: unsupported operation")
	ErrValidation           = errors.New("kms: validation error")
)

// Errors of Init and Open. Each means that nothing was changed.
var (
	// ErrNotInitialised says that the directory has no sealing record.
	ErrNotInitialised = errors.New("kms: directory is not initialised")
	// ErrInitialised says that the directory has a sealing record already.
	ErrInitialised = errors.New("kms: directory is initialised already")
	// ErrInUse says that another process holds the directory.
	ErrInUse = errors.New("kms: directory is in use by another process")
	// ErrWrongRoot says that the root key or passphrase is not the directory's.
	ErrWrongRoot = errors.New("kms: root key does not open this directory")
	// ErrDamagedRoot says that a root key file or variable is not a root key any more.
	ErrDamagedRoot = errors.New("kms: root key is damaged")
	// ErrParent says that a parent KMS was not reached or refuses; it may answer later.
	ErrParent = errors.New("kms: parent KMS")
	// ErrRotating says that a RotateRoot was interrupted and must be finished by another.
	ErrRotating = errors.New("kms: the root key is being replaced")
	// ErrDamaged says that the sealing record or the metadata is damaged.
	ErrDamaged = errors.New("kms: directory is damaged")
	// ErrFormat says that the directory was written by an unknown version.
	ErrFormat = errors.New("kms: unknown format version")
)

// Errors of a Store, for embedders that bring or use one.
var (
	ErrStoreNotFound = meta.ErrNotFound
	ErrStoreConflict = meta.ErrConflict
	ErrStoreUnknown  = meta.ErrUnknown
	ErrStoreLimit    = meta.ErrLimit
	ErrStoreCorrupt  = meta.ErrCorrupt
	ErrStoreFailed   = meta.ErrFailed
)

// Error is the refusal of an operation: its kind and AWS's message, which may be empty.
type Error struct {
	Kind    error
	Message string
	// cause is for logs of the process that embeds kms; it is no part of the answer.
	cause error
}

// Error implements error.
func (e *Error) Error() string {
	if e.Message == "" {
		return e.Kind.Error()
	}
	return e.Kind.Error() + ": " + e.Message
}

// Unwrap returns the kind and, for an internal error, its cause.
func (e *Error) Unwrap() []error {
	if e.cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.cause}
}

// refuse returns an Error with a formatted message.
func refuse(kind error, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// asError makes every error an *Error: what is none already is internal.
func asError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Kind: ErrInternal, Message: "The request failed due to an internal error.", cause: err}
}
