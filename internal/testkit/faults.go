package testkit

import (
	"errors"
	"sync"
	"testing"
)

// ErrInjected is the failure of an operation that Faults was told to fail.
var ErrInjected = errors.New("injected fault")

// Faults counts the operations of a run and makes one of them fail. Code under test
// calls Point where an operation may fail, through an injected interface.
type Faults struct {
	mu     sync.Mutex
	at     int
	count  int
	sticky bool
}

// FailAt fails the n-th operation, counted from 1; n = 0 fails none.
func FailAt(n int) *Faults { return &Faults{at: n} }

// FailFrom fails the n-th operation and all after it, as a crash or a dead disk does.
func FailFrom(n int) *Faults { return &Faults{at: n, sticky: true} }

// Point counts one operation and says whether it fails.
func (f *Faults) Point() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
	if f.at > 0 && (f.count == f.at || f.sticky && f.count > f.at) {
		return ErrInjected
	}
	return nil
}

// Hit says whether the chosen operation was reached.
func (f *Faults) Hit() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.at > 0 && f.count >= f.at
}

// EachFault calls run with operation 1, 2, 3 … failing, until a run passes without
// reaching its fault; it returns how many operations there were.
func EachFault(t testing.TB, newFaults func(n int) *Faults, run func(*Faults)) int {
	t.Helper()
	for n := 1; ; n++ {
		faults := newFaults(n)
		run(faults)
		if t.Failed() {
			t.Fatalf("failed with the fault at operation %d", n)
		}
		if !faults.Hit() {
			return n - 1
		}
	}
}
