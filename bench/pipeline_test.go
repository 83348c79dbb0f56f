package bench

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// memoryDevice is a Device over a slice; after fail operations it fails.
type memoryDevice struct {
	mu      sync.Mutex // guards the rest
	b       []byte
	flushes int
	fail    int
	delay   time.Duration
}

var errDevice = errors.New("device failed")

func (d *memoryDevice) step() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail > 0 {
		if d.fail--; d.fail == 0 {
			d.fail = 1
			return errDevice
		}
	}
	for start := time.Now(); time.Since(start) < d.delay; {
		continue
	}
	return nil
}

func (d *memoryDevice) ReadAt(p []byte, off int64) (int, error) {
	return copy(p, d.b[off:off+int64(len(p))]), d.step()
}

func (d *memoryDevice) WriteAt(p []byte, off int64) (int, error) {
	return copy(d.b[off:off+int64(len(p))], p), d.step()
}

func (d *memoryDevice) Flush(context.Context) error {
	d.flushes++
	return d.step()
}

func pipeline(stages ...Stage) PipelineOptions {
	o := short()
	return PipelineOptions{Options: o, SetBytes: 1 << 20, Stages: stages}
}

func TestPipeline(t *testing.T) {
	fast, slow := &memoryDevice{b: make([]byte, 1<<20)}, &memoryDevice{b: make([]byte, 1<<20), delay: 50 * time.Microsecond}
	rep, err := RunPipeline(context.Background(), pipeline(Stage{"memory", "encrypted", fast}, Stage{"slow", "encrypted", slow}))
	require.NoError(t, err)
	require.Equal(t, "pipeline", rep.Kind)
	require.Len(t, rep.Rows, 4+4+2)
	require.NotEqual(t, make([]byte, 4096), slow.b[1<<20-4096:], "the working set was filled")
	require.NotZero(t, fast.flushes)
	for i := range rep.Rows {
		r := &rep.Rows[i]
		require.NotZero(t, r.Latency.Count(), r.Name())
		if r.Labels[LabelStage] == "slow" {
			require.Greater(t, r.Latency.Quantile(0.5), 45e3)
			require.Same(t, r, rep.wholeOf(r))
		} else {
			require.Equal(t, "slow", rep.wholeOf(r).Labels[LabelStage])
		}
	}
	bars := rep.stageShares()
	require.Len(t, bars, 3)
	require.Len(t, bars[0].parts, 4)
	require.Equal(t, "slow", bars[0].parts[3].name)
	require.Greater(t, bars[0].parts[3].value, 10.0)

	var table, page strings.Builder
	require.NoError(t, rep.WriteTable(&table))
	require.Contains(t, table.String(), "pipeline: durable write")
	require.Contains(t, table.String(), "% of slow")
	require.NotContains(t, table.String(), "AES limit", "a device has no cipher's columns")
	require.NoError(t, WriteHTML(&page, []*Report{rep}, false))
	require.Contains(t, page.String(), "what each stage adds")
	require.Contains(t, page.String(), "latency of one operation")
}

func TestPipelineStopsWithItsDevice(t *testing.T) {
	for _, fail := range []int{1, 2, 100, 300} {
		_, err := RunPipeline(context.Background(), pipeline(Stage{"memory", "", &memoryDevice{b: make([]byte, 1<<20), fail: fail}}))
		require.ErrorIs(t, err, errDevice, fail)
	}
	for _, change := range []func(*PipelineOptions){
		func(o *PipelineOptions) { o.BlockBytes = 512 },
		func(o *PipelineOptions) { o.BlockBytes = 5000 },
		func(o *PipelineOptions) { o.BlockBytes = 2 * maxBlock },
		func(o *PipelineOptions) { o.SetBytes = 100 },
	} {
		o := pipeline()
		change(&o)
		_, err := RunPipeline(context.Background(), o)
		require.ErrorIs(t, err, ErrOptions)
	}
}
