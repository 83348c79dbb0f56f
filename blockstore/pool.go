package blockstore

import "errors"

// allocateWaiting is Store.allocate for a device. Where the pool is full, it makes what
// was trimmed or overwritten since the last rounds free first: until then its slots
// hold the only copy that a crash would show. The caller reads nothing and holds no lock.
func (d *Device) allocateWaiting(dst []uint64, h hint, n int) ([]uint64, hint, error) {
	s := d.store
	out, next, err := s.allocate(dst, h, n)
	if !errors.Is(err, ErrNoSpace) || s.spaceLow.Load() {
		return out, next, err
	}
	s.flushOpen()
	return s.allocate(dst, h, n)
}

// flushOpen runs a round of every open volume and waits until the slots that they gave
// up are free. What fails shows at the volume that it fails.
func (s *Store) flushOpen() {
	s.mu.RLock()
	var rounds []*round
	for _, v := range s.volumes {
		if v.device != nil && v.device.usable() == nil {
			rounds = append(rounds, v.device.rounds.join())
		}
	}
	s.mu.RUnlock()
	for _, r := range rounds {
		<-r.done
	}
	_ = s.journal.bringHome() // a slot is not free before it has been written
	s.epochs.barrier()
}
