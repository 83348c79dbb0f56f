package ecr

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"coffer.example/internal/blob"
	"coffer.example/internal/iam"
	"coffer.example/internal/meta"
	"coffer.example/internal/namelock"
	"coffer.example/kms"
)

// Options configure a Service.
type Options struct {
	Store         meta.Store // sealed
	Blobs         blob.Store
	Keys          *kms.KMS
	Rand          io.Reader        // nil: crypto/rand
	Now           func() time.Time // nil: time.Now
	MaintainEvery time.Duration    // how often what is not needed any more is collected; 0: an hour
	Log           *slog.Logger     // nil: nothing is logged
}

// Service is the catalogue and the contents of all repositories. It is safe for concurrent use.
type Service struct {
	store meta.Store
	blobs blob.Store
	keys  *kms.KMS
	rand  io.Reader
	clock func() time.Time
	log   *slog.Logger
	// locks serialises the changes of each upload, and those of each repository that must see
	// its layers and images together. An upload's lock is taken before its repository's.
	locks    namelock.Locks
	policies *iam.Cache

	cancel     context.CancelFunc
	background sync.WaitGroup
}

// Open finishes what a crash has interrupted and starts the background work.
func Open(ctx context.Context, o Options) (*Service, error) {
	if o.Store == nil || o.Blobs == nil || o.Keys == nil {
		return nil, errors.New("ecr: Store, Blobs and Keys are required")
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaintainEvery == 0 {
		o.MaintainEvery = defaultMaintainEvery
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{
		store: o.Store, blobs: o.Blobs, keys: o.Keys, rand: o.Rand, clock: o.Now, log: o.Log,
		policies: iam.NewCache(policyCacheBytes),
	}
	if err := s.recover(ctx); err != nil {
		return nil, err
	}
	stop, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.cancel = cancel
	s.background.Go(func() { s.maintain(stop, o.MaintainEvery) })
	return s, nil
}

// Close ends the background work. It closes none of the stores.
func (s *Service) Close() error {
	s.cancel()
	s.background.Wait()
	return nil
}

func (s *Service) maintain(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if err := s.Collect(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("registry: unneeded layers stay", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (s *Service) now() time.Time { return s.clock().UTC() }

// settled is the context of steps that go on when the client leaves.
func settled(ctx context.Context) context.Context { return context.WithoutCancel(ctx) }

// newUUID returns a random UUID (RFC 9562, version 4).
func (s *Service) newUUID() (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(s.rand, b[:]); err != nil {
		return "", fmt.Errorf("ecr: draw an id: %w", err)
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
}
