package blockstore

import (
	"context"
	"fmt"
)

// GrowVolume makes a volume larger; the new part is a hole. A device that is open has
// its new size at once. The size is authenticated, so a volume that is not open is opened
// with keys (nil takes the store's Keyring).
func (s *Store) GrowVolume(ctx context.Context, id string, size int64, keys Keyring) error {
	if err := s.writable(); err != nil {
		return err
	}
	if size%GiB != 0 || size > MaxVolumeSize {
		return fmt.Errorf("%w: size of %d bytes", ErrInvalid, size)
	}
	s.mu.RLock()
	v := s.byID[id]
	missing := v == nil || v.isCopy
	s.mu.RUnlock()
	if missing {
		return fmt.Errorf("%w: volume %s", ErrNotFound, id)
	}
	d, err := s.openForWork(ctx, v, keys)
	if err != nil {
		return err
	}
	return firstError(d.grow(size), s.releaseDevice(ctx, d))
}

func (d *Device) grow(size int64) error {
	d.vol.roundMu.Lock()
	defer d.vol.roundMu.Unlock()
	if now := d.header().size; size < now {
		return fmt.Errorf("%w: a volume of %d bytes cannot shrink to %d", ErrInvalid, now, size)
	} else if size == now {
		return nil
	}
	if err := d.updateHeader(func(h *volumeHeader) { h.size = size }); err != nil {
		return err
	}
	d.resize(size)
	return nil
}

// resize makes room for hints before anybody can write beyond the old size. A hint that
// is set meanwhile may be lost: it is a matter of placement only.
func (d *Device) resize(size int64) {
	table := make(windowTable, size/GiB)
	if old := d.windows.Load(); old != nil {
		for i := range *old {
			table[i].Store((*old)[i].Load())
		}
	}
	d.windows.Store(&table)
	d.size.Store(size)
}
