package blockstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// ScrubOptions direct the background scrub: a Verify that reads slowly, over and over,
// beside everything else.
type ScrubOptions struct {
	// BytesPerSecond bounds what it reads; 0 is no scrub.
	BytesPerSecond int64
	// Delay is how long after the open it begins; 0 is DefaultScrubDelay.
	Delay time.Duration
	// Every is how long it rests after a pass; 0 is DefaultScrubEvery.
	Every time.Duration
}

const (
	// DefaultScrubDelay leaves a store that has just been opened to its users.
	DefaultScrubDelay = 10 * time.Minute
	// DefaultScrubEvery is the rest between two passes.
	DefaultScrubEvery = 24 * time.Hour
	// maxScrubPaused bounds the paused volumes that a status names.
	maxScrubPaused = 64
)

// ScrubStatus says what the background scrub does and what its newest passes have found.
type ScrubStatus struct {
	Enabled       bool
	Running       bool
	Volume        string // being read now
	PassBytes     uint64 // read in this pass, or in the last one
	TotalBytes    uint64 // to be read in it, about
	Passes        uint64 // ended since the open
	ScrubbedBytes uint64 // read since the open
	Ended         time.Time
	// Paused are the volumes whose key refuses: they are tried again in the next pass.
	Paused []string
	// Problems has the first bad place of each kind since the open, Counts how often each kind was found.
	Problems map[string]error
	Counts   map[string]int64
	// Err is why the last pass ended early, nil if it did not.
	Err error
}

// scrubber is the background scrub.
type scrubber struct {
	s    *Store
	o    ScrubOptions
	wake chan struct{}

	mu     sync.Mutex // guards status
	status ScrubStatus
}

func newScrubber(s *Store, o ScrubOptions) *scrubber {
	if o.Delay == 0 {
		o.Delay = DefaultScrubDelay
	}
	if o.Every == 0 {
		o.Every = DefaultScrubEvery
	}
	return &scrubber{s: s, o: o, wake: make(chan struct{}, 1), status: ScrubStatus{
		Enabled: o.BytesPerSecond > 0, Problems: map[string]error{}, Counts: map[string]int64{}}}
}

// Scrub returns the state of the background scrub.
func (s *Store) Scrub() ScrubStatus {
	c := s.scrub
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.status
	out.Paused, out.Problems, out.Counts = slices.Clone(out.Paused), maps.Clone(out.Problems), maps.Clone(out.Counts)
	return out
}

// StartScrub begins a pass now, unless one runs.
func (s *Store) StartScrub() error {
	if s.scrub.o.BytesPerSecond <= 0 || s.writable() != nil {
		return fmt.Errorf("%w: the store is opened without a scrub", ErrInvalid)
	}
	select {
	case s.scrub.wake <- struct{}{}:
	default:
	}
	return nil
}

// run makes pass after pass until the store closes.
func (c *scrubber) run() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-c.s.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	for rest := c.o.Delay; ; rest = c.o.Every {
		select {
		case <-time.After(rest):
		case <-c.wake:
		case <-ctx.Done():
			return
		}
		c.pass(ctx)
	}
}

// pass reads everything once.
func (c *scrubber) pass(ctx context.Context) {
	used, _ := c.s.alloc.usage()
	c.update(func(st *ScrubStatus) {
		st.Running, st.Err, st.Paused = true, nil, nil
		st.PassBytes, st.TotalBytes = 0, used*BlockSize
	})
	err := c.volumes(ctx)
	if ctx.Err() != nil {
		err = nil // the store closes
	}
	c.update(func(st *ScrubStatus) {
		st.Running, st.Volume, st.Err, st.Ended = false, "", err, c.s.clock()
		st.Passes++
	})
}

func (c *scrubber) volumes(ctx context.Context) error {
	s := c.s
	s.mu.RLock()
	numbers := slices.Sorted(maps.Keys(s.volumes))
	s.mu.RUnlock()
	pacer := &pacer{rate: c.o.BytesPerSecond, stop: ctx.Done()}
	for _, n := range numbers {
		s.mu.RLock()
		vol := s.volumes[n]
		s.mu.RUnlock()
		if vol == nil {
			continue
		}
		c.update(func(st *ScrubStatus) { st.Volume = vol.id })
		v := s.newVerifier(VerifyOptions{Workers: 1})
		v.pace = func(n int) error {
			c.update(func(st *ScrubStatus) { st.PassBytes += uint64(n); st.ScrubbedBytes += uint64(n) })
			return pacer.take(n)
		}
		err := v.volume(ctx, vol)
		c.collect(&v.r)
		if err != nil {
			return err
		}
	}
	return nil
}

// collect takes over what was found in one volume.
func (c *scrubber) collect(r *Report) {
	c.update(func(st *ScrubStatus) {
		for kind, err := range r.Problems {
			if st.Problems[kind] == nil {
				st.Problems[kind] = err
			}
			st.Counts[kind] += r.Counts[kind]
		}
		for _, line := range r.Unchecked {
			if len(st.Paused) < maxScrubPaused {
				st.Paused = append(st.Paused, line)
			}
		}
	})
}

// measure adds the scrub's figures to the store's.
func (c *scrubber) measure(m *Metrics) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m.ScrubbedBytes, m.ScrubPasses, m.ScrubPaused = c.status.ScrubbedBytes, c.status.Passes, uint64(len(c.status.Paused))
	for _, n := range c.status.Counts {
		m.ScrubProblems += uint64(n)
	}
	switch {
	case !c.status.Running && c.status.Passes > 0:
		m.ScrubProgress = 1
	case c.status.TotalBytes > 0:
		m.ScrubProgress = min(1, float64(c.status.PassBytes)/float64(c.status.TotalBytes))
	}
}

func (c *scrubber) update(change func(*ScrubStatus)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.status)
}

// errPaceStopped ends a paced reader whose store closes.
var errPaceStopped = errors.New("blockstore: stopped")

// pacer keeps a reader below a rate. It is one goroutine's.
type pacer struct {
	rate int64 // bytes per second
	stop <-chan struct{}
	due  time.Time // when everything taken so far is paid for
}

// paceSlack is how far a reader may run ahead: shorter sleeps are not worth a timer.
const paceSlack = 20 * time.Millisecond

// take waits until n more bytes may be read.
func (p *pacer) take(n int) error {
	now := time.Now()
	if p.due.Before(now) {
		p.due = now
	}
	p.due = p.due.Add(time.Duration(float64(n) / float64(p.rate) * float64(time.Second)))
	ahead := p.due.Sub(now)
	if ahead < paceSlack {
		return nil
	}
	timer := time.NewTimer(ahead)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-p.stop:
		return errPaceStopped
	}
}
