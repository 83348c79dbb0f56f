package nbd

import (
	"sync"
	"sync/atomic"
)

// crew is the workers of a connection. They start when there is more to do than
// workers, and stay until the connection ends.
type crew struct {
	sync.WaitGroup
	size    int          // only the reader touches it
	pending atomic.Int64 // tasks handed over and not finished
}

// dispatch hands a task to the workers. It never blocks: the channel holds as many
// tasks as the budget of requests admits.
func (t *transmission) dispatch(k task) {
	pending := t.crew.pending.Add(1)
	if t.crew.size < t.server.limits.Workers && int64(t.crew.size) < pending {
		t.crew.size++
		t.crew.Go(t.worker)
	}
	t.work <- k
}

// worker executes tasks until the reader closes the channel. While the reader waits,
// the worker has its reply written: by itself if no other is to be expected, which
// spares a hand-off, else by the writer, which gathers them. While the reader is busy
// the reply is left to it, unless there is enough to write.
func (t *transmission) worker() {
	for k := range t.work {
		var data []byte
		if k.payload != nil {
			data = k.payload.data
		}
		full := t.execute(k, data)
		if k.payload != nil {
			k.payload.release()
		}
		last := t.crew.pending.Add(-1) == 0
		switch waiting := t.waiting.Load(); {
		case waiting && last:
			t.out.flush()
		case waiting || full:
			t.out.signal()
		}
	}
}
