package ec2

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"coffer.example/internal/meta"
)

// Options configure a Service.
type Options struct {
	Store   meta.Store // sealed
	Engine  Engine
	KMS     KMS
	Exports Exports
	Blocks  BlockEngine // nil: snapshots cannot be written or read block by block
	// ManagedKeyCopies selects the other documented reading of CopySnapshot; see snapshot.Request.
	ManagedKeyCopies bool
	Rand             io.Reader        // nil: crypto/rand
	Now              func() time.Time // nil: time.Now
	RetryEvery       time.Duration    // how often impaired attachments are retried; 0: 30 seconds
	Log              *slog.Logger     // nil: nothing is logged
}

// Service is the catalogue of EC2 resources. It is safe for concurrent use.
type Service struct {
	store   meta.Store
	engine  Engine
	kms     KMS
	exports Exports
	blocks  BlockEngine
	opts    Options
	locks   *locks
	log     *slog.Logger

	stop       context.Context // ends the background work
	cancel     context.CancelFunc
	background sync.WaitGroup
	wake       chan struct{} // asks for a retry of impaired attachments

	mu       sync.Mutex
	impaired map[string]ref     // volumes whose export is absent; guarded by mu
	uploads  map[string]*upload // snapshots being written; guarded by mu
	closed   bool               // guarded by mu
}

// Open brings the catalogue and the engine into agreement (see recover.go), re-attaches
// what was attached and starts the background work.
func Open(ctx context.Context, o Options) (*Service, error) {
	if o.Store == nil || o.Engine == nil || o.KMS == nil || o.Exports == nil {
		return nil, errors.New("ec2: Store, Engine, KMS and Exports are required")
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.RetryEvery == 0 {
		o.RetryEvery = defaultRetryEvery
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{
		store: o.Store, engine: o.Engine, kms: o.KMS, exports: o.Exports, blocks: o.Blocks, opts: o, log: o.Log,
		locks: newLocks(), wake: make(chan struct{}, 1), impaired: map[string]ref{}, uploads: map[string]*upload{},
	}
	s.stop, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if err := s.recoverAll(ctx); err != nil {
		s.cancel()
		s.background.Wait()
		return nil, err
	}
	s.background.Go(s.maintain)
	return s, nil
}

// Close ends the background work: a volume that waits for its clients stays
// detaching and goes on at the next Open, and so do uploads. It does not close the store or the engine.
func (s *Service) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.background.Wait()
	return nil
}

// goBackground runs fn until it returns or the service closes.
func (s *Service) goBackground(fn func(ctx context.Context)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.background.Go(func() { fn(s.stop) })
	}
}

// KeysChanged says that a key, a policy or a grant has changed: what could not be
// opened before is tried again soon.
func (s *Service) KeysChanged() { s.nudge() }

// nudge has the background work look at everything soon.
func (s *Service) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// maintain retries impaired attachments and forgets what has expired.
func (s *Service) maintain() {
	ticker := time.NewTicker(s.opts.RetryEvery)
	defer ticker.Stop()
	for {
		select {
		case <-s.stop.Done():
			return
		case <-s.wake:
			// The change that wakes may be about to be committed, and others may follow it.
			select {
			case <-s.stop.Done():
				return
			case <-time.After(wakeDelay):
			}
		case <-ticker.C:
			if err := s.forgetExpired(s.stop); err != nil {
				s.log.Warn("expired records stay", "error", err)
			}
		}
		s.retryImpaired(s.stop)
		s.expireUploads(s.stop)
	}
}

func (s *Service) now() time.Time { return s.opts.Now().UTC() }

// settled is the context of the steps after a catalogue entry is written: they go on
// when the client leaves.
func settled(ctx context.Context) context.Context { return context.WithoutCancel(ctx) }
