package ec2

import (
	"errors"
	"fmt"
)

// Reason says why a request is refused. The API's error table gives each its code.
type Reason uint8

// The reasons.
const (
	Internal Reason = iota // never refused for this; the zero value must not pass for another
	DryRunSucceeded
	MissingParameter
	InvalidParameter
	ParameterCombination
	ParameterDependency
	Busy
	IdempotentMismatch
	InvalidNextToken
	InvalidID
	VolumeNotFound
	VolumeIDMalformed
	VolumeInUse
	VolumeZoneMismatch
	UnknownVolumeType
	AttachmentNotFound
	AttachmentLimit
	SnapshotNotFound
	SnapshotIDMalformed
	SnapshotInUse
	ConcurrentCopies
	InstanceNotFound
	InstanceIDMalformed
	InstanceLimit
	IncorrectInstanceState
	ImageNotFound
	ImageIDMalformed
	ImageUnavailable
	ImageNameDuplicate
	ImageNameMalformed
	BlockDeviceMapping
	IncorrectState
	NotPermitted
	Unsupported
	TagLimit
	AuthFailure
	KeyUnavailable
	InvalidZone
	InvalidAttribute
	NotShareable
	ResourceNotFound
	InvalidVolumeSize
	InvalidBlock
	UnrelatedSnapshots
	UploadEnded
	ConcurrentUploads
	ChecksumMismatch
	FastRestoreLimit
)

// Error is a refusal: a reason and AWS's sentence for it. Cause is what the key
// store or the engine said, where one of them refused.
type Error struct {
	Reason  Reason
	Message string
	Cause   error
}

func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

func refuse(reason Reason, format string, args ...any) error {
	return &Error{Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// HasReason says whether err is a refusal for that reason.
func HasReason(err error, reason Reason) bool {
	var e *Error
	return errors.As(err, &e) && e.Reason == reason
}
