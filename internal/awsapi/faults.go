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
		return &refusal{faultInvalidParameter, "Value (" + e.Value + ") for parameter " + member(e.Param) + " is invalid. " + e.Detail}
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
