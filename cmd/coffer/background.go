package main

import (
	"bytes"
	"context"
	"time"

	"coffer.example/internal/audit"
)

// keyEvents records, and tells when something about keys has changed, so that volumes
// that could not be opened are tried again, and databases whose key may refuse are looked at.
type keyEvents struct {
	trail   *audit.Log
	changed func()
	lost    func() // nil: nobody asks
}

// Record implements kms.Recorder.
func (k keyEvents) Record(ctx context.Context, event []byte) error {
	err := k.trail.Record(ctx, event)
	if bytes.Contains(event, []byte(`"readOnly":false`)) {
		k.changed()
		if k.lost != nil && takesAway(event) {
			k.lost()
		}
	}
	return err
}

// takesAway says whether an event may take a key from those who used it.
func takesAway(event []byte) bool {
	for _, name := range []string{"DisableKey", "ScheduleKeyDeletion", "DeleteImportedKeyMaterial", "RevokeGrant", "PutKeyPolicy"} {
		if bytes.Contains(event, []byte(`"eventName":"`+name+`"`)) {
			return true
		}
	}
	return false
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
