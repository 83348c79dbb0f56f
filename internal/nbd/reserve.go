package nbd

// reserve takes a request's share of the budgets, which is the back-pressure: while it
// waits nothing is read.
func (t *transmission) reserve(c credit) error {
	if t.requests.tryAcquire(c.requests) {
		if c.bytes == 0 {
			return nil
		}
		if t.inFlight.tryAcquire(c.bytes) {
			if t.server.total.tryAcquire(c.bytes) {
				return nil
			}
			t.inFlight.release(c.bytes)
		}
		t.requests.release(c.requests)
	}
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
