package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"coffer.example/bench"
	"coffer.example/internal/ecr"
)

const (
	benchLayerBytes  = 1 << 30
	benchQuickLayer  = 32 << 20
	benchLayerBlock  = 1 << 20  // a layer is this much noise, again and again
	maxBenchLayer    = 64 << 30 // bytes
	benchPlainStored = "plain file"
)

// benchECR is `coffer bench ecr`: a layer pushed to and pulled from the registry over HTTP on the loopback
// device, for each way of encryption, against a registry that stores plain files on the same disk.
func benchECR(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o := bench.Options{Kind: "ecr"}
	var out benchOutputs
	f := flag.NewFlagSet("ecr", flag.ContinueOnError)
	quick := f.Bool("quick", false, fmt.Sprintf("%d rounds and a layer of %d MiB", bench.MinLongRounds, benchQuickLayer>>20))
	f.IntVar(&o.Rounds, "rounds", bench.MinRounds, fmt.Sprintf("interleaved rounds, at least %d", bench.MinLongRounds))
	size := f.Int64("size", benchLayerBytes, "`BYTES` of the layer")
	dir := f.String("dir", os.TempDir(), "`DIRECTORY` on the disk to be measured")
	if err := benchRunFlags(f, &o, &out, args, stdout); err != nil {
		return err
	}
	if *quick {
		o.Rounds, *size = bench.MinLongRounds, benchQuickLayer
	}
	if *size < 1 || *size > maxBenchLayer {
		return fmt.Errorf("%w: --size of %d bytes", errBenchUsage, *size)
	}
	rig := &benchRegistries{layer: newBenchLayer(*size)}
	defer rig.close(stderr)
	if err := rig.build(ctx, *dir); err != nil {
		return err
	}
	o.Progress = benchProgress(stderr)
	rep, err := bench.Run(ctx, o, rig.cases(ctx))
	return finishBench(rep, err, &out, stdout, stderr)
}

// benchRepository is a repository of one of the registries: what is pushed, pulled and deleted again.
type benchRepository struct {
	variant string
	client  *benchOCI
	forget  func(ctx context.Context) error // deletes the layer; not timed
}

// cases are a push and a pull per repository. The layers that are pulled were pushed before, and lie in the page cache
// as far as it is large enough, for all alike.
func (r *benchRegistries) cases(ctx context.Context) (list []bench.Case) {
	for _, op := range []struct {
		name string
		do   func(benchRepository) error
	}{
		{"push", func(one benchRepository) error { return one.client.push(ctx, r.layer) }},
		{"pull", func(one benchRepository) error { return one.client.pull(ctx, r.layer) }},
	} {
		for _, one := range r.repositories {
			list = append(list, bench.Case{
				Group: op.name + " a layer", Variant: one.variant, Bytes: r.layer.size,
				Labels: map[string]string{bench.LabelOp: op.name, bench.LabelSize: fmt.Sprint(r.layer.size)},
				Measure: func() (bench.Sample, error) {
					if op.name == "push" {
						if err := one.forget(ctx); err != nil {
							return bench.Sample{}, err
						}
					}
					return benchOnce(func() error { return op.do(one) })
				},
			})
		}
	}
	return list
}

// benchOnce times one operation, with the CPU time of all threads.
func benchOnce(do func() error) (bench.Sample, error) {
	cpu, start := benchCPU(), time.Now()
	err := do()
	wall := time.Since(start)
	return bench.Sample{Ops: 1, Wall: float64(wall), CPU: float64(benchCPU() - cpu)}, err
}

// benchCPU is the CPU time of this process.
func benchCPU() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// benchEncryptions are the ways in which repositories encrypt; their rows are called so.
var benchEncryptions = [...]string{ecr.EncryptionAES256, ecr.EncryptionKMS, ecr.EncryptionDSSE}
