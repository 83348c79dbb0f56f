package kms

import "errors"

// codes are the kinds with the names that AWS gives them, which audit events show.
func codes() []struct {
	kind error
	code string
} {
	return []struct {
		kind error
		code string
	}{
		{ErrAccessDenied, "AccessDeniedException"},
		{ErrAlreadyExists, "AlreadyExistsException"},
		{ErrConflict, "ConflictException"},
		{ErrDisabled, "DisabledException"},
		{ErrDryRun, "DryRunOperationException"},
		{ErrExpiredImportToken, "ExpiredImportTokenException"},
		{ErrIncorrectKey, "IncorrectKeyException"},
		{ErrIncorrectKeyMaterial, "IncorrectKeyMaterialException"},
		{ErrInternal, "KMSInternalException"},
		{ErrInvalidAliasName, "InvalidAliasNameException"},
		{ErrInvalidArn, "InvalidArnException"},
		{ErrInvalidCiphertext, "InvalidCiphertextException"},
		{ErrInvalidGrantID, "InvalidGrantIdException"},
		{ErrInvalidGrantToken, "InvalidGrantTokenException"},
		{ErrInvalidImportToken, "InvalidImportTokenException"},
		{ErrInvalidKeyUsage, "InvalidKeyUsageException"},
		{ErrInvalidMac, "KMSInvalidMacException"},
		{ErrInvalidMarker, "InvalidMarkerException"},
		{ErrInvalidState, "KMSInvalidStateException"},
		{ErrLimitExceeded, "LimitExceededException"},
		{ErrMalformedPolicy, "MalformedPolicyDocumentException"},
		{ErrNotFound, "NotFoundException"},
		{ErrTag, "TagException"},
		{ErrUnsupported, "UnsupportedOperationException"},
		{ErrValidation, "ValidationException"},
	}
}

// Code returns the name of AWS's exception for an error of an operation.
func Code(err error) string {
	var code codeError
	if errors.As(err, &code) {
		return string(code)
	}
	for _, c := range codes() {
		if errors.Is(err, c.kind) {
			return c.code
		}
	}
	return "KMSInternalException"
}
