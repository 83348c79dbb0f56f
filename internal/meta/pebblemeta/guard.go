package pebblemeta

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"coffer.example/internal/meta"
)

// guard is the one-way failed state of a store and Pebble's Logger.
type guard struct {
	once   sync.Once
	failed chan struct{} // closed when the store fails
	cause  error         // written before failed is closed
	logf   func(format string, args ...any)

	opening atomic.Bool // Pebble is being opened
}

func newGuard(logf func(string, ...any)) *guard {
	return &guard{failed: make(chan struct{}), logf: logf}
}

func (g *guard) fail(cause error) {
	g.once.Do(func() {
		g.cause = cause
		close(g.failed)
	})
}

// err returns ErrFailed with its cause, or nil while the store works.
func (g *guard) err() error {
	select {
	case <-g.failed:
		return fmt.Errorf("%w: %w", meta.ErrFailed, g.cause)
	default:
		return nil
	}
}

// wrap makes an error of Pebble one of this package: the store's failure if it has failed.
func (g *guard) wrap(err error) error {
	if failed := g.err(); failed != nil {
		return failed
	}
	return fmt.Errorf("meta: %w", err)
}

// run calls fn in a goroutine of its own and returns its error, or the failure that
// ended or blocked the goroutine.
func (g *guard) run(fn func() error) error {
	done := make(chan error, 1)
	go func() {
		defer g.recoverPanic()
		done <- fn()
	}()
	select {
	case err := <-done:
		return err
	case <-g.failed:
		return g.err()
	}
}

// recoverPanic makes a panic of Pebble in a goroutine of ours a failure of the store.
func (g *guard) recoverPanic() {
	if r := recover(); r != nil {
		g.fail(fmt.Errorf("pebble panicked: %v", r))
	}
}

// Infof implements pebble.Logger.
func (g *guard) Infof(string, ...any) {}

// Errorf implements pebble.Logger.
func (g *guard) Errorf(format string, args ...any) {
	if g.logf != nil {
		g.logf(format, args...)
	}
}

// Fatalf implements pebble.Logger: it fails the store and parks the calling goroutine
// for ever. It must not return, nor end the goroutine: see the package comment.
func (g *guard) Fatalf(format string, args ...any) {
	err := fmt.Errorf("pebble: "+format, args...)
	g.fail(err)
	g.Errorf("%v", err)
	select {}
}

// listener turns corruption that Pebble finds into a failure. It may return: the read
// that found it gets the error as well.
func (g *guard) listener() *pebble.EventListener {
	return &pebble.EventListener{
		DataCorruption:  func(i pebble.DataCorruptionInfo) { g.fail(fmt.Errorf("pebble: corrupt file %s", i.Path)) },
		BackgroundError: func(err error) { g.Errorf("background work: %v", err) },
	}
}
