package sigv4

import "fmt"

// Problem says why a request is not authentic.
type Problem int

// The problems, in the order in which they are looked for.
const (
	// Missing: the request carries no signature at all.
	Missing Problem = iota + 1
	// Incomplete: a part of the signature is missing or malformed.
	Incomplete
	// Expired: the request's time is too far in the past.
	Expired
	// NotYet: the request's time is too far in the future.
	NotYet
	// Mismatch: the signature is not of this request, scope and secret.
	Mismatch
)

// Error is a reason to refuse a request; Message is what AWS says then.
type Error struct {
	Problem Problem
	Message string
}

func (e *Error) Error() string { return "sigv4: " + e.Message }

// MismatchMessage is AWS's text for a signature that is not the expected one.
const MismatchMessage = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."

func mismatch(format string, args ...any) *Error {
	return &Error{Mismatch, fmt.Sprintf(format, args...)}
}

func incomplete(format string, args ...any) *Error {
	return &Error{Incomplete, fmt.Sprintf(format, args...)}
}
