package shape

import (
	"fmt"
	"strings"
)

// TypeError says that an input does not have the shape's types; AWS calls it a serialization error.
type TypeError struct{ Message string }

func (e *TypeError) Error() string { return "shape: " + e.Message }

// ValidationError is the constraints that an input violates, in AWS's words.
type ValidationError struct{ Violations []string }

// Message is the text that AWS sends.
func (e *ValidationError) Message() string {
	plural := "s"
	if len(e.Violations) == 1 {
		plural = ""
	}
	return fmt.Sprintf("%d validation error%s detected: %s", len(e.Violations), plural, strings.Join(e.Violations, "; "))
}

func (e *ValidationError) Error() string { return "shape: " + e.Message() }
