package iamapi

import (
	"errors"
	"net/http"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/iam"
)

// wireErrors says by which code and status each kind of refusal is sent.
var wireErrors = []struct {
	kind   error
	code   string
	status int
}{
	{iam.ErrNotFound, "NoSuchEntity", http.StatusNotFound},
	{iam.ErrExists, "EntityAlreadyExists", http.StatusConflict},
	{iam.ErrInUse, "DeleteConflict", http.StatusConflict},
	{iam.ErrConflict, "ConcurrentModification", http.StatusConflict},
	{iam.ErrLimit, "LimitExceeded", http.StatusConflict},
	{iam.ErrPolicyTooLarge, "LimitExceeded", http.StatusConflict},
	{iam.ErrInvalid, "ValidationError", http.StatusBadRequest},
	{iam.ErrMalformedPolicy, "MalformedPolicyDocument", http.StatusBadRequest},
}

// wireError maps an error of the directory, nil for one that is not the caller's business.
func wireError(err error) *awsapi.Error {
	if errors.Is(err, awsapi.ErrPage) {
		return awsapi.Errorf("ValidationError", "Invalid Marker.")
	}
	for _, w := range wireErrors {
		if errors.Is(err, w.kind) {
			return &awsapi.Error{Code: w.code, Message: iam.Message(err), Status: w.status}
		}
	}
	return nil
}
