package rds

import (
	"context"
	"errors"
	"fmt"
	"time"

	"coffer.example/blockstore"
)

// openStorage opens a database's volume through its key and serves it. One that is open is left alone.
func (s *Service) openStorage(ctx context.Context, d Database) error {
	if s.isOpen(d.VolumeID) {
		return nil
	}
	device, err := s.engine.AttachWith(ctx, d.VolumeID, blockstore.AttachOptions{Keys: s.keyring(d.role(), d.KeyARN)})
	if err != nil {
		return fmt.Errorf("rds: open the storage of %s: %w", d.ARN(), err)
	}
	if err := s.exports.Serve(ctx, d.VolumeID, device); err != nil {
		return errors.Join(err, device.Detach(ctx))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[d.VolumeID] = device
	return nil
}

// closeStorage cuts the clients of a database's volume and closes it. It is closed also after an
// error, which is about what its clients wrote last.
func (s *Service) closeStorage(ctx context.Context, d Database) error {
	if err := s.closeVolume(ctx, d.VolumeID); err != nil {
		return fmt.Errorf("rds: close the storage of %s: %w", d.ARN(), err)
	}
	return nil
}

func (s *Service) closeVolume(ctx context.Context, volume string) error {
	if err := s.exports.Withdraw(ctx, volume); err != nil {
		return fmt.Errorf("withdraw %s: %w", volume, err)
	}
	s.mu.Lock()
	device := s.open[volume]
	delete(s.open, volume)
	s.mu.Unlock()
	if device == nil {
		return nil
	}
	if err := device.Detach(ctx); err != nil && !errors.Is(err, blockstore.ErrDetached) {
		return err
	}
	return nil
}

func (s *Service) isOpen(volume string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open[volume] != nil
}

// URI is where the storage of a database is served, empty while it is not.
func (s *Service) URI(d Database) string {
	if d.State != Available || !s.isOpen(d.VolumeID) {
		return ""
	}
	return s.exports.URI(d.VolumeID)
}

// loseKey records that a database's key refuses, and closes its storage.
func (s *Service) loseKey(ctx context.Context, d Database, refusal error) error {
	lost, err := edit(ctx, s, d, func(d *Database) {
		if d.State = KeyLost; d.KeyLost.IsZero() {
			d.KeyLost = s.now()
		}
		d.KeyMessage, d.StoppedAt = keyMessage(refusal), time.Time{}
	})
	if err != nil {
		return err
	}
	s.log.Warn("the key of a database refuses; its storage is closed", "database", d.ARN(), "key", d.KeyARN, "error", refusal)
	return s.closeStorage(ctx, lost)
}

// useKey checks a database's key before something that needs it. A refusal makes the
// database inaccessible and is returned as refused.
func (s *Service) useKey(ctx context.Context, d Database, refused func(error) error) error {
	err := s.checkKey(ctx, d)
	if err == nil || !keyRefused(err) {
		return err
	}
	return errors.Join(refused(err), s.loseKey(ctx, d, err))
}

// gone is the outcome of deleting what may be gone already.
func gone(err error) error {
	if errors.Is(err, blockstore.ErrNotFound) {
		return nil
	}
	return err
}
