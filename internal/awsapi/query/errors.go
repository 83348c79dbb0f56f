package query

import "fmt"

// Problem says what is wrong with a form or a parameter.
type Problem int

// The problems that Parse and the getters report.
const (
	// Malformed: the form does not follow the syntax.
	Malformed Problem = iota + 1
	// TooLarge: the form exceeds a limit of this package.
	TooLarge
	// Missing: a required parameter is absent.
	Missing
	// Invalid: a parameter's value is not of its type.
	Invalid
	// Unknown: the operation has no such parameter.
	Unknown
)

// Error is a problem of one parameter (Param is its full name) or of the whole form.
type Error struct {
	Problem Problem
	Param   string
	Value   string
	Detail  string // what was expected, or what the syntax error is
}

func (e *Error) Error() string {
	switch e.Problem {
	case Missing:
		return fmt.Sprintf("query: parameter %s is missing", e.Param)
	case Invalid:
		return fmt.Sprintf("query: value %q of parameter %s is invalid: %s", e.Value, e.Param, e.Detail)
	case Unknown:
		return fmt.Sprintf("query: parameter %s is not recognized", e.Param)
	case TooLarge:
		return "query: form too large: " + e.Detail
	default:
		return "query: malformed form: " + e.Detail
	}
}
