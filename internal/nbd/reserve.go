package nbd

// reserve takes a request's share of the budgets, which is the back-pressure: while it
// waits nothing is read.
func (t *transmission) reserve(c credit) error {
	for !t.tryReserve(c) {
		if t.ring == nil || !t.ring.reading() {
			return t.awaitReserve(c)
		}
		if err := t.ring.progress(0); err != nil { // only the reader can end what it has started
			return err
		}
		if err := t.out.flush(); err != nil {
			return err
		}
	}
	return nil
}

func (t *transmission) tryReserve(c credit) bool {
	if !t.requests.tryAcquire(c.requests) {
		return false
	}
	if c.bytes == 0 {
		return true
	}
	if t.inFlight.tryAcquire(c.bytes) {
		if t.server.total.tryAcquire(c.bytes) {
			return true
		}
		t.inFlight.release(c.bytes)
	}
	t.requests.release(c.requests)
	return false
}

func (t *transmission) awaitReserve(c credit) error {
	defer t.resume()
	if err := t.pause(); err != nil {
		return err
	}
	if err := t.requests.acquire(t.ctx, c.requests); err != nil {
		return err
	}
	if c.bytes == 0 {
		return nil
	}
	if err := t.inFlight.acquire(t.ctx, c.bytes); err != nil {
		t.requests.release(c.requests)
		return err
	}
	if err := t.server.total.acquire(t.ctx, c.bytes); err != nil {
		t.inFlight.release(c.bytes)
		t.requests.release(c.requests)
		return err
	}
	return nil
}

// settled gives back what requests held until their replies were written.
func (t *transmission) settled(c credit) {
	if c.bytes > 0 {
		t.inFlight.release(c.bytes)
		t.server.total.release(c.bytes)
	}
	if c.requests > 0 {
		t.requests.release(c.requests)
	}
}
