package ecr

import (
	"errors"
	"fmt"

	"coffer.example/internal/iam"
)

// Reason says why a request is refused. The front ends' tables give each its code.
type Reason uint8

// The reasons.
const (
	Internal Reason = iota // never refused for this; the zero value must not pass for another
	AccessDenied
	InvalidParameter
	InvalidTag
	TooManyTags
	LimitExceeded
	RepositoryNotFound
	RepositoryExists
	RepositoryNotEmpty
	PolicyNotFound
	LifecyclePolicyNotFound
	KeyUnavailable // a KMS key refused; KMSCode says how
	LayerNotFound
	LayerInUse
	UploadNotFound
	InvalidPart // LastValidByte says where the upload stands
	PartTooSmall
	EmptyUpload
	InvalidLayer // its content has another digest
	ImageNotFound
	ReferencedImagesNotFound
	DigestMismatch
	TagExists
	InvalidManifest
	ManifestTooLarge
)

// Error is a refusal: a reason and AWS's sentence for it.
type Error struct {
	Reason  Reason
	Message string
	// KMSCode is the code of the key store's refusal.
	KMSCode string
	// LastValidByte is the last byte that an upload has, -1 for none.
	LastValidByte int64
	// Decision is what denied access.
	Decision *iam.Decision
	Cause    error
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

// ErrForged is what a body returns that turns out not to be the one that its sender has signed: nothing of it is kept.
var ErrForged = errors.New("ecr: body is not the one that was signed")

// ErrDamaged says that a stored object is missing, truncated or changed.
var ErrDamaged = errors.New("ecr: stored object is damaged")
