package bench

import (
	"context"
	"fmt"
	"io"
	"maps"
	"strconv"

	"coffer.example/aead"
)

// Labels of the rows of RunPipeline. Each stage includes the ones before it.
const (
	LabelStage = "stage" // aead, record, or the name of a Stage
	LabelKey   = "key"   // the Variant of a Stage, such as encrypted or plain
)

// Device is a block device that a stage reads and writes.
type Device interface {
	io.ReaderAt
	io.WriterAt
	// Flush makes every write that returned before it durable.
	Flush(ctx context.Context) error
}

// Stage is a device that the same block goes through, such as a volume in memory or the
// same volume over NBD.
type Stage struct {
	Name    string
	Variant string // what differs between stages of one name: encrypted, plain
	Device  Device
}

// PipelineOptions say what RunPipeline sends through which stages.
type PipelineOptions struct {
	Options
	BlockBytes int   // of one operation, a multiple of aead.BlockSize; 0: one block
	SetBytes   int64 // operations fall at random in the first SetBytes of a device; 0: 64 MiB
	Stages     []Stage
}

const (
	opRead, opWrite, opDurable = "read", "write", "durable write"

	defaultSet = 64 << 20
	maxBlock   = 4 << 20
	// recordBytes is the size of an extent record, and of what its MAC covers.
	recordBytes = 468
	// flushEvery bounds what a run of writes leaves unflushed; the flush is not timed.
	flushEvery = 64
	fillBytes  = 1 << 20
)

// RunPipeline measures what one operation costs with each stage that is added: the
// AEAD alone, with the MAC of the extent record, and through every Stage. All of them
// are measured one operation at a time, with its latency.
func RunPipeline(ctx context.Context, o PipelineOptions) (*Report, error) {
	o.Kind = "pipeline"
	if o.BlockBytes == 0 {
		o.BlockBytes = aead.BlockSize
	}
	if o.SetBytes == 0 {
		o.SetBytes = defaultSet
	}
	if o.BlockBytes < aead.BlockSize || o.BlockBytes%aead.BlockSize != 0 || o.BlockBytes > maxBlock || o.SetBytes < int64(o.BlockBytes) || o.SetBytes > maxBytes {
		return nil, fmt.Errorf("%w: operations of %d bytes in %d", ErrOptions, o.BlockBytes, o.SetBytes)
	}
	for _, s := range o.Stages {
		if err := fillDevice(ctx, s.Device, o.SetBytes); err != nil {
			return nil, fmt.Errorf("stage %s: fill: %w", s.Name, err)
		}
	}
	return Run(ctx, o.Options, o.cases(ctx))
}

func (o *PipelineOptions) cases(ctx context.Context) (list []Case) {
	for _, op := range []string{opWrite, opRead, opDurable} {
		add := func(stage, variant string, newWorker func() (Worker, error)) {
			labels := map[string]string{LabelOp: op, LabelStage: stage, LabelSize: strconv.Itoa(o.BlockBytes)}
			if variant != "" {
				labels = maps.Clone(labels)
				labels[LabelKey] = variant
			}
			list = append(list, Case{Group: op + "/" + stage, Variant: first(variant, "bare"), Labels: labels, Bytes: int64(o.BlockBytes), Latency: true, New: newWorker})
		}
		if op != opDurable {
			add("aead", "", func() (Worker, error) { return sealWorker(op, o.BlockBytes, false) })
			add("record", "", func() (Worker, error) { return sealWorker(op, o.BlockBytes, true) })
		}
		for _, s := range o.Stages {
			add(s.Name, s.Variant, func() (Worker, error) { return o.deviceWorker(ctx, op, s.Device) })
		}
	}
	return list
}

// wholeOf returns the row of the last stage that r is a part of.
func (rep *Report) wholeOf(r *Row) *Row {
	whole := r
	for i := range rep.Rows {
		o := &rep.Rows[i]
		if o.Labels[LabelOp] == r.Labels[LabelOp] && (r.Labels[LabelKey] == "" || o.Labels[LabelKey] == r.Labels[LabelKey]) && o.Labels[LabelStage] != "" {
			whole = o
		}
	}
	return whole
}

// stageShares cuts a pipeline's last stage into what each stage adds.
func (rep *Report) stageShares() (bars []shareBar) {
	for _, op := range rep.labelValues(LabelOp) {
		for _, key := range rep.labelValues(LabelKey) {
			bar := shareBar{title: fmt.Sprintf("%s, %s: what each stage adds", op, key)}
			before := 0.0
			for i := range rep.Rows {
				r := &rep.Rows[i]
				if r.Labels[LabelStage] == "" || r.Labels[LabelOp] != op || r.Labels[LabelKey] != "" && r.Labels[LabelKey] != key {
					continue
				}
				us := r.Summary().Median / 1e3
				bar.parts = append(bar.parts, share{r.Labels[LabelStage], max(0, us-before)})
				before = max(before, us)
			}
			if len(bar.parts) > 1 {
				bars = append(bars, bar)
			}
		}
	}
	return bars
}
