package nbd

// start has the reader begin a short read that needs the device, and says whether it
// could. The reply is queued when the device has answered, which is on the reader too.
func (t *transmission) start(k task) bool {
	if t.ring == nil || k.cmd != cmdRead || k.length == 0 || k.length >= bulkSize || t.ctx.Err() != nil {
		return false
	}
	data := t.server.pools.get(int(k.length))
	started := t.starter.StartRead(t.ring, data.data, int64(k.offset), func(err error) {
		t.count(k, err)
		if t.answerRead(k, data, err) {
			t.out.signal()
		}
	})
	if !started {
		data.release()
		return false
	}
	t.server.counters.started.Add(1)
	return true
}
