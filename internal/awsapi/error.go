package awsapi

import (
	"fmt"
	"net/http"
)

// Error is an AWS error as it is sent: what its code, status and further members are
// decided before. Operations may return one (also wrapped).
type Error struct {
	Code    string
	Message string
	Status  int // 0: 400
	// Members are further members of a JSON error, such as Reason of the EBS direct API's errors.
	Members map[string]string
	// Numbers are such members that are numbers.
	Numbers map[string]int64
}

func (e *Error) Error() string {
	if e.Message == "" {
		return e.Code
	}
	return e.Code + ": " + e.Message
}

// HTTPStatus returns the status the error is sent with.
func (e *Error) HTTPStatus() int {
	if e.Status == 0 {
		return http.StatusBadRequest
	}
	return e.Status
}

// Errorf returns an Error with status 400.
func Errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}
