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
