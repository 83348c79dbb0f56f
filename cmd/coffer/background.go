package main

import (
	"bytes"
	"context"
	"time"

	"coffer.example/internal/audit"
)

// keyEvents records, and tells when something about keys has changed, so that volumes
// that could not be opened are tried again.
type keyEvents struct {
	trail   *audit.Log
	changed func()
}

// Record implements kms.Recorder.
func (k keyEvents) Record(ctx context.Context, event []byte) error {
	err := k.trail.Record(ctx, event)
	if bytes.Contains(event, []byte(`"readOnly":false`)) {
		k.changed()
	}
	return err
}

// tickEvery is how often keys are looked at whose deletion, rotation or expiry may be due.
const tickEvery = time.Minute

// startTicking has the key store do what time has made due, until the stack closes.
func (s *stack) startTicking(ctx context.Context) {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(tickEvery)
		defer ticker.Stop()
		for {
			if err := s.keys.Tick(ctx); err != nil && ctx.Err() == nil {
				s.log.Error("key deletion, rotation or expiry failed", "error", err)
			}
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	}()
	s.closeLater(func() error {
		stop()
		<-done
		return nil
	})
}
