package awsapi

import (
	"errors"
	"net/http"

	"coffer.example/internal/awsapi/query"
	"coffer.example/internal/awsapi/shape"
	"coffer.example/internal/awsapi/sigv4"
	"coffer.example/internal/awsapi/strictjson"
)

// fault is a reason of the front end itself to refuse a request.
type fault int

const (
	faultMissingToken fault = iota + 1
	faultIncomplete
	faultExpired
	faultNotYet
	faultSignature
	faultUnknownKey
	faultInvalidToken
	faultExpiredToken
	faultUnknownOperation
	faultMissingAction
	faultMalformed
	faultTooLarge
	faultHost
	faultValidation
	faultMissingParameter
	faultInvalidParameter
	faultUnknownParameter
	faultInternal
)

// refusal is a fault with the message that belongs to this request; an empty one
// takes the table's.
type refusal struct {
	fault   fault
	message string
}

func (r *refusal) Error() string { return r.message }

// wire is how a fault is sent in one protocol. An empty message takes the refusal's.
type wire struct {
	code    string
	status  int
	message string
}

const (
	badToken     = "The security token included in the request is invalid."
	expiredToken = "The security token included in the request is expired"
	internal     = "An internal error has occurred."
	ec2Expired   = "Request has expired."
	ec2Key       = "AWS was not able to validate the provided access credentials"
)

// faultTable is the one place that says how a fault looks in each protocol. The codes are
// those of the "Common errors" pages of the services' API references and of real answers.
var faultTable = map[fault]map[Protocol]wire{
	faultMissingToken: {
		JSON:  {"MissingAuthenticationTokenException", 400, "Missing Authentication Token"},
		Query: {"MissingAuthenticationToken", 403, "Request is missing Authentication Token"},
		EC2:   {"MissingAuthenticationToken", 403, "Request is missing Authentication Token"},
		REST:  {"MissingAuthenticationTokenException", 403, "Missing Authentication Token"},
	},
	faultIncomplete: {
		JSON:  {"IncompleteSignatureException", 400, ""},
		Query: {"IncompleteSignature", 400, ""},
		EC2:   {"IncompleteSignature", 400, ""},
		REST:  {"IncompleteSignatureException", 403, ""},
	},
	faultExpired: {
		JSON:  {"InvalidSignatureException", 400, ""},
		Query: {"SignatureDoesNotMatch", 403, ""},
		EC2:   {"RequestExpired", 400, ec2Expired},
		REST:  {"InvalidSignatureException", 403, ""},
	},
	faultNotYet: {
		JSON:  {"InvalidSignatureException", 400, ""},
		Query: {"SignatureDoesNotMatch", 403, ""},
		EC2:   {"RequestExpired", 400, ec2Expired},
		REST:  {"InvalidSignatureException", 403, ""},
	},
	faultSignature: {
		JSON:  {"InvalidSignatureException", 400, ""},
		Query: {"SignatureDoesNotMatch", 403, ""},
		EC2:   {"AuthFailure", 401, ec2Key},
		REST:  {"InvalidSignatureException", 403, ""},
	},
	faultUnknownKey: {
		JSON:  {"UnrecognizedClientException", 400, badToken},
		Query: {"InvalidClientTokenId", 403, badToken},
		EC2:   {"AuthFailure", 401, ec2Key},
		REST:  {"UnrecognizedClientException", 403, badToken},
	},
	faultInvalidToken: {
		JSON:  {"UnrecognizedClientException", 400, badToken},
		Query: {"InvalidClientTokenId", 403, badToken},
		EC2:   {"AuthFailure", 401, ec2Key},
		REST:  {"UnrecognizedClientException", 403, badToken},
	},
	faultExpiredToken: {
		JSON:  {"ExpiredTokenException", 400, expiredToken},
		Query: {"ExpiredToken", 403, expiredToken},
		EC2:   {"RequestExpired", 400, ec2Expired},
		REST:  {"ExpiredTokenException", 403, expiredToken},
	},
	faultUnknownOperation: {
		JSON:  {"UnknownOperationException", 400, ""},
		Query: {"InvalidAction", 400, ""},
		EC2:   {"InvalidAction", 400, ""},
		REST:  {"UnknownOperationException", 404, ""},
	},
	faultMissingAction: {
		JSON:  {"UnknownOperationException", 400, "The request has no X-Amz-Target header."},
		Query: {"MissingAction", 400, "The request must contain the parameter Action"},
		EC2:   {"MissingAction", 400, "The request must contain the parameter Action"},
		REST:  {"UnknownOperationException", 404, ""},
	},
	faultMalformed: {
		JSON:  {"SerializationException", 400, ""},
		Query: {"MalformedQueryString", 400, ""},
		EC2:   {"MalformedQueryString", 400, ""},
		REST:  {"SerializationException", 400, ""},
	},
	faultTooLarge: {
		JSON:  {"RequestEntityTooLargeException", 413, ""},
		Query: {"RequestEntityTooLarge", 413, ""},
		EC2:   {"RequestEntityTooLarge", 413, ""},
		REST:  {"RequestEntityTooLargeException", 413, ""},
	},
	faultHost: {
		JSON:  {"AccessDeniedException", 400, ""},
		Query: {"AccessDenied", 403, ""},
		EC2:   {"UnauthorizedOperation", 403, ""},
		REST:  {"AccessDeniedException", 403, ""},
	},
	faultValidation: {
		JSON:  {"ValidationException", 400, ""},
		Query: {"ValidationError", 400, ""},
		EC2:   {"ValidationError", 400, ""},
		REST:  {"ValidationException", 400, ""},
	},
	faultMissingParameter: {
		Query: {"MissingParameter", 400, ""},
		EC2:   {"MissingParameter", 400, ""},
	},
	faultInvalidParameter: {
		Query: {"InvalidParameterValue", 400, ""},
		EC2:   {"InvalidParameterValue", 400, ""},
	},
	faultUnknownParameter: {
		Query: {"InvalidParameterValue", 400, ""},
		EC2:   {"UnknownParameter", 400, ""},
	},
	faultInternal: {
		JSON:  {"InternalFailure", 500, internal},
		Query: {"InternalFailure", 500, internal},
		EC2:   {"InternalError", 500, internal},
		REST:  {"InternalServerException", 500, internal},
	},
}

// asRefusal turns the errors of this package's parts into a refusal, nil if err is none of them.
func asRefusal(err error) *refusal {
	var own *refusal
	var signature *sigv4.Error
	var form *query.Error
	var syntax *strictjson.SyntaxError
	var wrongType *shape.TypeError
	var invalid *shape.ValidationError
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &signature):
		return &refusal{signatureFaults[signature.Problem], signature.Message}
	case errors.As(err, &form):
		return formRefusal(form)
	case errors.As(err, &syntax):
		return &refusal{faultMalformed, "The request body is not valid JSON: " + syntax.Reason + "."}
	case errors.As(err, &wrongType):
		return &refusal{faultMalformed, wrongType.Message}
	case errors.As(err, &invalid):
		return &refusal{faultValidation, invalid.Message()}
	case errors.Is(err, ErrUnknownKey):
		return &refusal{fault: faultUnknownKey}
	case errors.Is(err, ErrInvalidToken):
		return &refusal{fault: faultInvalidToken}
	case errors.Is(err, ErrExpiredToken):
		return &refusal{fault: faultExpiredToken}
	}
	return nil
}

var signatureFaults = map[sigv4.Problem]fault{
	sigv4.Missing:    faultMissingToken,
	sigv4.Incomplete: faultIncomplete,
	sigv4.Expired:    faultExpired,
	sigv4.NotYet:     faultNotYet,
	sigv4.Mismatch:   faultSignature,
}

func formRefusal(e *query.Error) *refusal {
	switch e.Problem {
	case query.Missing:
		return &refusal{faultMissingParameter, "The request must contain the parameter " + e.Param}
	case query.Invalid:
		return &refusal{faultInvalidParameter, "Value (" + e.Value + ") for parameter " + e.Param + " is invalid. " + e.Detail}
	case query.Unknown:
		return &refusal{faultUnknownParameter, "The parameter " + e.Param + " is not recognized"}
	case query.TooLarge:
		return &refusal{faultTooLarge, e.Detail}
	default:
		return &refusal{faultMalformed, "The query string is malformed: " + e.Detail}
	}
}

// wireError returns the error that is sent for err: one the operation made itself, one
// of the front end, one the service's table knows, or else an internal failure.
func wireError(s *Service, err error) *Error {
	var ready *Error
	if errors.As(err, &ready) {
		return ready
	}
	if r := asRefusal(err); r != nil {
		w, ok := faultTable[r.fault][s.Protocol]
		if !ok {
			w = faultTable[faultInternal][s.Protocol]
		}
		if w.message == "" {
			w.message = r.message
		}
		if r.fault == faultValidation && s.ValidationCode != "" {
			w.code = s.ValidationCode
		}
		return &Error{Code: w.code, Message: w.message, Status: w.status}
	}
	if s.Errors != nil {
		if e := s.Errors(err); e != nil {
			return e
		}
	}
	return internalError(s)
}

func internalError(s *Service) *Error {
	w := faultTable[faultInternal][s.Protocol]
	if s.InternalCode != "" {
		w.code = s.InternalCode
	}
	return &Error{Code: w.code, Message: w.message, Status: http.StatusInternalServerError}
}
