package bench

import (
	"fmt"
	"runtime"
	"sync"
	"time"
)

// chunkTime is how long a slot runs between two looks at the clock.
const chunkTime = 50 * time.Microsecond

// measureSlot runs one slot of a case for about d and returns what it measured.
func measureSlot(c Case, d time.Duration) (Sample, error) {
	cores := max(1, c.Cores)
	workers := make([]Worker, cores)
	defer func() {
		for _, w := range workers {
			if w.Close != nil {
				_ = w.Close() // the slot's result is already known
			}
		}
	}()
	for i := range workers {
		w, err := c.New()
		if err != nil {
			return Sample{}, fmt.Errorf("%s: %w", c.Name(), err)
		}
		workers[i] = w
	}
	allocs, err := allocsPerOp(workers[0])
	if err != nil {
		return Sample{}, fmt.Errorf("%s: %w", c.Name(), err)
	}
	runs := make([]slotRun, cores)
	var ready, done sync.WaitGroup
	ready.Add(cores)
	start := make(chan struct{})
	for i := range workers {
		runs[i] = slotRun{worker: workers[i], batch: int64(max(1, workers[i].Batch))}
		if c.Latency {
			runs[i].latency = new(Histogram)
		}
		done.Go(func() { runs[i].run(&ready, start, d) })
	}
	ready.Wait()
	close(start)
	done.Wait()
	return combine(c, runs, allocs)
}

// allocsPerOp runs a worker twice while nothing else runs and counts the second time.
func allocsPerOp(w Worker) (float64, error) {
	r := slotRun{worker: w}
	if err := r.once(); err != nil {
		return 0, err
	}
	if w.Reset != nil {
		w.Reset()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := w.Run()
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / float64(max(1, w.Batch)), err
}

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

// combine adds up the goroutines of a slot: rates add, and so do CPU time and cycles.
func combine(c Case, runs []slotRun, allocs float64) (Sample, error) {
	s := Sample{Counted: true}
	rate, cpu, cycles, ghz := 0.0, 0.0, 0.0, 0.0
	for i := range runs {
		r := &runs[i]
		if r.err != nil {
			return Sample{}, fmt.Errorf("%s: %w", c.Name(), r.err)
		}
		s.Ops += r.ops
		rate += float64(r.ops) / float64(max(1, r.wall))
		cpu += float64(r.cpu)
		ghz += r.ghz / float64(len(runs))
		if r.counted && r.cycles > 0 {
			cycles += float64(r.cycles)
		} else {
			cycles += float64(r.busy()) * r.ghz
			s.Counted = false
		}
		if r.latency != nil {
			if s.Latency == nil {
				s.Latency = new(Histogram)
			}
			s.Latency.Merge(r.latency)
		}
	}
	s.Wall, s.CPU, s.Cycles, s.GHz = 1/rate, cpu/float64(s.Ops), cycles/float64(s.Ops), ghz
	s.Allocs = allocs
	return s, nil
}
