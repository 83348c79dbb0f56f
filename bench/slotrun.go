package bench

import (
	"runtime"
	"sync"
	"time"
)

// slotRun is one goroutine's part of a slot.
type slotRun struct {
	worker  Worker
	batch   int64
	latency *Histogram // nil: not asked for

	ops     int64
	wall    time.Duration
	cpu     time.Duration
	ghz     float64
	cycles  uint64
	counted bool
	err     error
}

// run warms up, waits for the others and works until d has passed.
func (r *slotRun) run(ready *sync.WaitGroup, start <-chan struct{}, d time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	counter, counted := openCycleCounter()
	if counted {
		defer counter.close()
	}
	r.counted = counted
	r.err = r.once()
	r.ghz = estimateGHz()
	ready.Done()
	<-start
	if r.err != nil {
		return
	}
	if r.worker.Reset != nil || r.latency != nil {
		r.err = r.timeEach(d, counter)
		return
	}
	r.err = r.timeChunks(d, counter)
}

func (r *slotRun) once() error {
	if r.worker.Reset != nil {
		r.worker.Reset()
	}
	return r.worker.Run()
}

// timeChunks times many Runs at once, so that reading the clock costs nothing.
func (r *slotRun) timeChunks(d time.Duration, counter cycleCounter) error {
	cpu, cycles := threadCPU(), r.readCycles(counter)
	start := time.Now()
	for chunk := int64(1); r.wall < d; {
		for range chunk {
			if err := r.worker.Run(); err != nil {
				return err
			}
		}
		before := r.wall
		r.wall = time.Since(start)
		r.ops += chunk * r.batch
		if r.wall-before < chunkTime/2 {
			chunk *= 2
		}
	}
	r.cycles, r.cpu = r.readCycles(counter)-cycles, threadCPU()-cpu
	return nil
}

// timeEach times every Run alone: Reset lies between them, or each one's latency counts.
func (r *slotRun) timeEach(d time.Duration, counter cycleCounter) error {
	overhead := clockOverhead()
	for total := time.Now(); r.ops == 0 || time.Since(total) < d; {
		if r.worker.Reset != nil {
			r.worker.Reset()
		}
		cpu, cycles := threadCPU(), r.readCycles(counter)
		start := time.Now()
		if err := r.worker.Run(); err != nil {
			return err
		}
		wall := time.Since(start)
		r.cycles += r.readCycles(counter) - cycles
		r.cpu += max(0, threadCPU()-cpu-overhead)
		r.wall += wall
		r.ops += r.batch
		if r.latency != nil {
			r.latency.Add(wall.Nanoseconds() / r.batch)
		}
	}
	return nil
}

// clockOverhead is the CPU time that reading the clocks costs one timed Run.
func clockOverhead() time.Duration {
	least := time.Hour
	for range 20 {
		cpu := threadCPU()
		runtime.KeepAlive(time.Since(time.Now()))
		least = min(least, threadCPU()-cpu)
	}
	return least
}

func (r *slotRun) readCycles(c cycleCounter) uint64 {
	if !r.counted {
		return 0
	}
	return c.read()
}

// busy is the time in which the goroutine's core worked for it: the CPU time where it
// is known, which leaves out what other processes took.
func (r *slotRun) busy() time.Duration {
	if r.cpu > 0 {
		return min(r.cpu, r.wall)
	}
	return r.wall
}
