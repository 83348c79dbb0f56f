package rds

import (
	"errors"
	"fmt"
)

// Reason is why a request is refused.
type Reason int

// The reasons.
const (
	InvalidParameter Reason = iota + 1
	ParameterCombination
	DatabaseNotFound // with Error.Kind
	DatabaseExists
	DatabaseState
	DatabaseQuota
	SnapshotNotFound
	SnapshotExists
	SnapshotState
	SnapshotQuota
	SharedSnapshotQuota
	KeyNotAccessible
	BackupNotFound
	RestoreNotPossible
	InvalidARN
	Busy
)

// Error is a refused request. Nothing was changed.
type Error struct {
	Reason  Reason
	Kind    Kind // of the database, or of the snapshot's database
	Message string
	Cause   error // of KeyNotAccessible: why, for the audit trail
}

func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

func refuse(reason Reason, kind Kind, format string, args ...any) error {
	return &Error{Reason: reason, Kind: kind, Message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) error { return refuse(InvalidParameter, "", format, args...) }

// HasReason says whether err is a refusal for that reason.
func HasReason(err error, reason Reason) bool {
	var e *Error
	return errors.As(err, &e) && e.Reason == reason
}
