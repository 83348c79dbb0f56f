package rds

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"coffer.example/blockstore"
	"coffer.example/internal/meta"
	"coffer.example/kms"
)

// Options configure a Service.
type Options struct {
	Store      meta.Store // sealed
	Engine     Engine
	Keys       *kms.KMS
	Exports    Exports
	Rand       io.Reader        // nil: crypto/rand
	Now        func() time.Time // nil: time.Now
	CheckEvery time.Duration    // how often Tick is called; 0: 5 minutes, negative: never
	Log        *slog.Logger     // nil: nothing is logged
}

// Service is the catalogue of databases. It is safe for concurrent use.
type Service struct {
	store   meta.Store
	engine  Engine
	keys    *kms.KMS
	exports Exports
	rand    io.Reader
	clock   func() time.Time
	log     *slog.Logger
	locks   *locks

	cancel     context.CancelFunc // ends the background work
	background sync.WaitGroup
	wake       chan struct{} // asks for a Tick soon

	mu   sync.Mutex
	open map[string]*blockstore.Device // volumes that are open, by id; guarded by mu
}

// Open finishes or undoes what a crash has interrupted, opens the storage of every
// available database and starts the background work.
func Open(ctx context.Context, o Options) (*Service, error) {
	if o.Store == nil || o.Engine == nil || o.Keys == nil || o.Exports == nil {
		return nil, errors.New("rds: Store, Engine, Keys and Exports are required")
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.CheckEvery == 0 {
		o.CheckEvery = defaultCheckEvery
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{
		store: o.Store, engine: o.Engine, keys: o.Keys, exports: o.Exports, rand: o.Rand, clock: o.Now, log: o.Log,
		locks: newLocks(), wake: make(chan struct{}, 1), open: map[string]*blockstore.Device{},
	}
	if err := s.recover(ctx); err != nil {
		return nil, err
	}
	stop, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.cancel = cancel
	if o.CheckEvery > 0 {
		s.background.Go(func() { s.maintain(stop, o.CheckEvery) })
	}
	return s, nil
}

// Close ends the background work. Volumes stay open: they are detached by whoever serves them.
func (s *Service) Close() error {
	s.cancel()
	s.background.Wait()
	return nil
}

// KeysChanged says that a key, its policy or a grant has changed: every key is checked soon.
func (s *Service) KeysChanged() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Service) maintain(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-s.wake:
			// The change that wakes may be about to be committed, and others may follow it.
			select {
			case <-ctx.Done():
				return
			case <-time.After(wakeDelay):
			}
		}
		if err := s.Tick(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("databases not looked after; tried again later", "error", err)
		}
	}
}

func (s *Service) now() time.Time { return s.clock().UTC() }

// settled is the context of the steps after a record is written: they go on when the client leaves.
func settled(ctx context.Context) context.Context { return context.WithoutCancel(ctx) }
