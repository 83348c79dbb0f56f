package ociapi

import (
	"encoding/json"
	"errors"
	"net/http"

	"coffer.example/internal/awsapi/sigv4"
	"coffer.example/internal/ecr"
)

// The error codes of the specification, "Error Codes".
const (
	codeBlobUnknown         = "BLOB_UNKNOWN"
	codeUploadInvalid       = "BLOB_UPLOAD_INVALID"
	codeUploadUnknown       = "BLOB_UPLOAD_UNKNOWN"
	codeDigestInvalid       = "DIGEST_INVALID"
	codeManifestBlobUnknown = "MANIFEST_BLOB_UNKNOWN"
	codeManifestInvalid     = "MANIFEST_INVALID"
	codeManifestUnknown     = "MANIFEST_UNKNOWN"
	codeNameInvalid         = "NAME_INVALID"
	codeNameUnknown         = "NAME_UNKNOWN"
	codeSizeInvalid         = "SIZE_INVALID"
	codeUnauthorized        = "UNAUTHORIZED"
	codeDenied              = "DENIED"
	codeUnsupported         = "UNSUPPORTED"
	// codeUnknown is for failures of the registry itself, of which the specification says nothing.
	codeUnknown = "UNKNOWN"
)

// refusal is an error as it is sent.
type refusal struct {
	status  int
	code    string
	message string
}

func (r *refusal) Error() string { return r.code + ": " + r.message }

func refuse(status int, code, message string) error { return &refusal{status, code, message} }

func unauthorized(message string) error {
	return refuse(http.StatusUnauthorized, codeUnauthorized, message)
}

// refusals is the one place that says how a refusal of the repositories is sent.
var refusals = map[ecr.Reason]refusal{
	ecr.AccessDenied:             {http.StatusForbidden, codeDenied, ""},
	ecr.InvalidParameter:         {http.StatusBadRequest, codeUnsupported, ""},
	ecr.LimitExceeded:            {http.StatusForbidden, codeDenied, ""},
	ecr.RepositoryNotFound:       {http.StatusNotFound, codeNameUnknown, ""},
	ecr.KeyUnavailable:           {http.StatusForbidden, codeDenied, ""},
	ecr.LayerNotFound:            {http.StatusNotFound, codeBlobUnknown, ""},
	ecr.LayerInUse:               {http.StatusMethodNotAllowed, codeUnsupported, ""},
	ecr.UploadNotFound:           {http.StatusNotFound, codeUploadUnknown, ""},
	ecr.InvalidPart:              {http.StatusRequestedRangeNotSatisfiable, codeUploadInvalid, ""},
	ecr.InvalidLayer:             {http.StatusBadRequest, codeDigestInvalid, ""},
	ecr.ImageNotFound:            {http.StatusNotFound, codeManifestUnknown, ""},
	ecr.ReferencedImagesNotFound: {http.StatusNotFound, codeManifestBlobUnknown, ""},
	ecr.DigestMismatch:           {http.StatusBadRequest, codeDigestInvalid, ""},
	ecr.TagExists:                {http.StatusForbidden, codeDenied, ""},
	ecr.InvalidManifest:          {http.StatusBadRequest, codeManifestInvalid, ""},
	ecr.ManifestTooLarge:         {http.StatusRequestEntityTooLarge, codeSizeInvalid, ""},
}

// asRefusal returns how an error is sent.
func asRefusal(err error) *refusal {
	var own *refusal
	if errors.As(err, &own) {
		return own
	}
	if errors.Is(err, ecr.ErrForged) {
		return &refusal{http.StatusUnauthorized, codeUnauthorized, sigv4.MismatchMessage}
	}
	var domain *ecr.Error
	if errors.As(err, &domain) {
		if r, ok := refusals[domain.Reason]; ok {
			r.message = domain.Message
			if domain.KMSCode != "" {
				r.message = domain.KMSCode + ": " + r.message
			}
			return &r
		}
	}
	return &refusal{http.StatusInternalServerError, codeUnknown, "internal failure"}
}

// body is the specification's JSON for an error.
func (r *refusal) body() []byte {
	type one struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	b, err := json.Marshal(map[string][]one{"errors": {{r.code, r.message}}})
	if err != nil {
		return []byte(`{"errors":[]}`) // strings always encode
	}
	return b
}
