// Package invariants switches the expensive checks of a test build. They sit behind
// the build tag "invariants", which make test sets: guard them with
// `if invariants.Enabled { … }` so that other builds do not even compute arguments.
package invariants

import "fmt"

// Check panics unless ok holds. Call it only under Enabled.
func Check(ok bool, format string, args ...any) {
	if Enabled && !ok {
		panic("invariant: " + fmt.Sprintf(format, args...))
	}
}
