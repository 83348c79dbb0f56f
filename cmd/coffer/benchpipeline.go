package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"coffer.example/bench"
	"coffer.example/blockstore"
)

const (
	benchVolumeBytes   = 1 << 30 // the least a volume can have
	benchPipelineSlot  = 20 * time.Millisecond
	benchDefaultMemory = "/dev/shm"
)

// benchPipeline is `coffer bench pipeline`: the same block through the AEAD, the extent
// record, a volume in memory, a volume on disk and NBD.
func benchPipeline(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o bench.PipelineOptions
	var out benchOutputs
	f := flag.NewFlagSet("pipeline", flag.ContinueOnError)
	quick := f.Bool("quick", false, "20 rounds and a working set of 16 MiB")
	f.IntVar(&o.Rounds, "rounds", 0, fmt.Sprintf("interleaved rounds, at least %d", bench.MinRounds))
	f.DurationVar(&o.Slot, "slot", benchPipelineSlot, "how long one stage runs in one round")
	f.IntVar(&o.BlockBytes, "size", 4096, "`BYTES` of one operation")
	f.Int64Var(&o.SetBytes, "set", 64<<20, "`BYTES` of the volume that operations fall in")
	memory := f.String("memory", benchDefaultMemory, "`DIRECTORY` in memory for the volume in memory")
	disk := f.String("dir", os.TempDir(), "`DIRECTORY` on the disk to be measured")
	if err := benchRunFlags(f, &o.Options, &out, args, stdout); err != nil {
		return err
	}
	if o.SetBytes > benchVolumeBytes {
		return fmt.Errorf("%w: --set is at most %d", errBenchUsage, int64(benchVolumeBytes))
	}
	if *quick {
		o.Rounds, o.SetBytes = bench.MinRounds, 16<<20
	}
	rig := &benchRig{}
	defer rig.close("pipeline", stderr)
	if err := rig.build(ctx, *memory, *disk); err != nil {
		return err
	}
	o.Stages = rig.stages
	o.Progress = benchProgress(stderr)
	rep, err := bench.RunPipeline(ctx, o)
	return finishBench(rep, err, &out, stdout, stderr)
}

// benchProgress rewrites one line of stderr.
func benchProgress(stderr io.Writer) func(round, rounds int) {
	return func(round, rounds int) { fmt.Fprintf(stderr, "\rround %d of %d", round, rounds) }
}

// finishBench prints and writes a report. A strict run that ended with warnings has one
// beside its error.
func finishBench(rep *bench.Report, err error, out *benchOutputs, stdout, stderr io.Writer) error {
	fmt.Fprint(stderr, "\r\x1b[K")
	if errors.Is(err, bench.ErrOptions) {
		return fmt.Errorf("%w: %w", errBenchUsage, err)
	}
	if rep == nil {
		return err
	}
	return errors.Join(err, rep.WriteTable(stdout), out.write(rep))
}

// benchRig is what a pipeline goes through: two stores in directories of their own, and
// an NBD server for the volumes of the second.
type benchRig struct {
	stages []bench.Stage
	undo   []func() error // in the order things were made
}

func (r *benchRig) build(ctx context.Context, memory, disk string) error {
	if err := r.addStore(ctx, "volume in memory", memory, false); err != nil {
		return err
	}
	return r.addStore(ctx, "volume on disk", disk, true)
}

// addStore makes a store below dir with one encrypted and one plain volume, each a
// stage, and with overNBD two more stages for them.
func (r *benchRig) addStore(ctx context.Context, name, dir string, overNBD bool) error {
	own, err := os.MkdirTemp(dir, "coffer-bench-")
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	r.undo = append(r.undo, func() error { return os.RemoveAll(own) })
	store, err := blockstore.Open(blockstore.Options{Dir: own, Keys: newBenchKeys()})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	r.undo = append(r.undo, store.Close)
	exports := map[string]*blockstore.Device{}
	for _, v := range []struct{ variant, key string }{{"encrypted", benchKeyName}, {"plain", ""}} {
		volume, err := store.CreateVolume(ctx, blockstore.VolumeSpec{Size: benchVolumeBytes, Key: v.key})
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		device, err := store.Attach(ctx, volume.ID)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		r.undo = append(r.undo, func() error { return device.Detach(context.WithoutCancel(ctx)) })
		exports[v.variant] = device
		r.stages = append(r.stages, bench.Stage{Name: name, Variant: v.variant, Device: device})
	}
	if !overNBD {
		return nil
	}
	return r.addNBD(ctx, own, exports)
}

// close undoes everything in reverse; what fails then is only told.
func (r *benchRig) close(command string, stderr io.Writer) {
	for i := len(r.undo) - 1; i >= 0; i-- {
		if err := r.undo[i](); err != nil {
			fmt.Fprintf(stderr, "coffer bench %s: clean up: %v\n", command, err)
		}
	}
}
