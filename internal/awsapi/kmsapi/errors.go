package kmsapi

import (
	"errors"
	"net/http"

	"coffer.example/internal/awsapi"
	"coffer.example/kms"
)

// wireErrors says by which code each kind of refusal is sent. All have status 400 but
// the service's own failures.
var wireErrors = []struct {
	kind error
	code string
}{
	{kms.ErrAccessDenied, "AccessDeniedException"},
	{kms.ErrAlreadyExists, "AlreadyExistsException"},
	{kms.ErrConflict, "ConflictException"},
	{kms.ErrDisabled, "DisabledException"},
	{kms.ErrDryRun, "DryRunOperationException"},
	{kms.ErrExpiredImportToken, "ExpiredImportTokenException"},
	{kms.ErrIncorrectKey, "IncorrectKeyException"},
	{kms.ErrIncorrectKeyMaterial, "IncorrectKeyMaterialException"},
	{kms.ErrInvalidAliasName, "InvalidAliasNameException"},
	{kms.ErrInvalidArn, "InvalidArnException"},
	{kms.ErrInvalidCiphertext, "InvalidCiphertextException"},
	{kms.ErrInvalidGrantID, "InvalidGrantIdException"},
	{kms.ErrInvalidGrantToken, "InvalidGrantTokenException"},
	{kms.ErrInvalidImportToken, "InvalidImportTokenException"},
	{kms.ErrInvalidKeyUsage, "InvalidKeyUsageException"},
	{kms.ErrInvalidMac, "KMSInvalidMacException"},
	{kms.ErrInvalidMarker, "InvalidMarkerException"},
	{kms.ErrInvalidState, "KMSInvalidStateException"},
	{kms.ErrLimitExceeded, "LimitExceededException"},
	{kms.ErrMalformedPolicy, "MalformedPolicyDocumentException"},
	{kms.ErrNotFound, "NotFoundException"},
	{kms.ErrTag, "TagException"},
	{kms.ErrUnsupported, "UnsupportedOperationException"},
	{kms.ErrValidation, "ValidationException"},
}

// wireError maps an error of kms, nil for one that is not the caller's business.
func wireError(err error) *awsapi.Error {
	var refusal *kms.Error
	if !errors.As(err, &refusal) {
		return nil
	}
	for _, w := range wireErrors {
		if errors.Is(refusal.Kind, w.kind) {
			return &awsapi.Error{Code: w.code, Message: refusal.Message}
		}
	}
	return &awsapi.Error{Code: "KMSInternalException", Message: refusal.Message, Status: http.StatusInternalServerError}
}
