package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"coffer.example/bench"
	"coffer.example/internal/ec2"
)

const (
	benchEBSBytes  = 64 << 20
	benchEBSQuick  = 16 << 20
	benchEBSMost   = 1 << 30 // of the volume that is copied
	benchEBSSlot   = 20 * time.Millisecond
	benchEBSAtOnce = 64 // blocks written or read at once, as coldsnap does
	benchEBSLeast  = 4 << 20
)

// benchEBS is `coffer bench ebs`: snapshot copies, restores and the EBS direct API of a
// whole daemon, against copying the same bytes in files and sealing them.
func benchEBS(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o := bench.Options{Kind: "ebs"}
	var out benchOutputs
	f := flag.NewFlagSet("ebs", flag.ContinueOnError)
	quick := f.Bool("quick", false, fmt.Sprintf("20 rounds and snapshots of %d MiB", benchEBSQuick>>20))
	f.IntVar(&o.Rounds, "rounds", 0, fmt.Sprintf("interleaved rounds, at least %d", bench.MinRounds))
	f.DurationVar(&o.Slot, "slot", benchEBSSlot, "how long one case runs in one round, at least once")
	size := f.Int64("set", benchEBSBytes, "`BYTES` that a copied or restored snapshot has, in blocks of 512 KiB")
	atOnce := f.Int("at-once", benchEBSAtOnce, "`BLOCKS` that are written or read at once")
	dir := f.String("dir", os.TempDir(), "`DIRECTORY` on the disk to be measured")
	if err := benchRunFlags(f, &o, &out, args, stdout); err != nil {
		return err
	}
	if *quick {
		o.Rounds, *size = bench.MinRounds, benchEBSQuick
	}
	if *size < benchEBSLeast || *size > benchEBSMost || *size%ec2.SnapshotBlockSize != 0 {
		return fmt.Errorf("%w: --set is whole blocks from %d to %d bytes", errBenchUsage, benchEBSLeast, benchEBSMost)
	}
	if *atOnce < 2 || *atOnce > benchEBSAtOnce {
		return fmt.Errorf("%w: --at-once is 2 to %d", errBenchUsage, benchEBSAtOnce)
	}
	rig, err := newEBSRig(ctx, *dir, *size)
	if err != nil {
		return err
	}
	defer rig.cleanup.close("ebs", stderr)
	o.Progress = benchProgress(stderr)
	rep, err := bench.Run(ctx, o, rig.cases(ctx, *atOnce))
	return finishBench(rep, err, &out, stdout, stderr)
}

// cases are three groups; the first of each is what files and nothing else would cost.
func (r *ebsRig) cases(ctx context.Context, atOnce int) []bench.Case {
	list := []bench.Case{
		{Group: "copy", Variant: "file copy", New: r.fileCopy},
		{Group: "copy", Variant: "AES-GCM seal", New: func() (bench.Worker, error) { return bench.NewAEADWorker(r.size) }},
		{Group: "copy", Variant: "same key", New: func() (bench.Worker, error) { return r.copies(ctx, r.key), nil }},
		{Group: "copy", Variant: "other key", New: func() (bench.Worker, error) { return r.copies(ctx, r.other), nil }},
		{Group: "restore and read", Variant: "file copy", New: r.fileCopy},
		{Group: "restore and read", Variant: "AES-GCM seal", New: func() (bench.Worker, error) { return bench.NewAEADWorker(r.size) }},
		{Group: "restore and read", Variant: "same key", New: func() (bench.Worker, error) { return r.restores(ctx, r.key), nil }},
		{Group: "restore and read", Variant: "other key", New: func() (bench.Worker, error) { return r.restores(ctx, r.other), nil }},
	}
	for i := range list {
		list[i].Bytes = r.size
	}
	for _, n := range []int{1, atOnce} {
		put, get := fmt.Sprintf("PutSnapshotBlock, %d at once", n), fmt.Sprintf("GetSnapshotBlock, %d at once", n)
		sealed := func() (bench.Worker, error) { return bench.NewAEADWorker(ec2.SnapshotBlockSize) }
		for _, c := range []bench.Case{
			{Group: put, Variant: "file write and sync", New: func() (bench.Worker, error) { return r.fileWrites(n) }},
			{Group: put, Variant: "AES-GCM seal", New: sealed},
			{Group: put, Variant: "HTTP", New: func() (bench.Worker, error) { return r.puts(ctx, n), nil }},
			{Group: get, Variant: "file read", New: func() (bench.Worker, error) { return r.fileReads(n) }},
			{Group: get, Variant: "AES-GCM seal", New: sealed},
			{Group: get, Variant: "HTTP", New: func() (bench.Worker, error) { return r.gets(ctx, n), nil }},
		} {
			c.Bytes = ec2.SnapshotBlockSize
			list = append(list, c)
		}
	}
	return list
}
