package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"coffer.example/aead"
	"coffer.example/bench"
)

// benchAEAD is `coffer bench aead`.
func benchAEAD(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o bench.AEADOptions
	var out benchOutputs
	var sizes, cores, suite, runner string
	f := flag.NewFlagSet("aead", flag.ContinueOnError)
	quick := f.Bool("quick", false, "under a minute: 20 rounds, 4 KiB and 64 KiB, one core and all")
	f.IntVar(&o.Rounds, "rounds", 0, fmt.Sprintf("interleaved rounds, at least %d", bench.MinRounds))
	f.DurationVar(&o.Slot, "slot", 0, "how long one case runs in one round")
	f.StringVar(&sizes, "sizes", "", "plaintext `BYTES`, such as 512,4096,65536")
	f.StringVar(&cores, "cores", "", "core `COUNTS`, such as 1,2,4")
	f.StringVar(&suite, "suite", "", "only AES-256-GCM or ChaCha20-Poly1305")
	f.StringVar(&runner, "runner", "", "a `PROGRAM` that runs the processes of the paths, such as an emulator that the kernel does not know of")
	if err := benchRunFlags(f, &o.Options, &out, args, stdout); err != nil {
		return err
	}
	var err error
	if o.Sizes, err = benchNumbers(sizes); err != nil {
		return err
	}
	if o.Cores, err = benchNumbers(cores); err != nil {
		return err
	}
	for _, s := range []aead.Suite{aead.SuiteAES256GCM, aead.SuiteChaCha20Poly1305} {
		if strings.EqualFold(suite, s.String()) {
			o.Suites = []aead.Suite{s}
		}
	}
	if suite != "" && o.Suites == nil {
		return fmt.Errorf("%w: unknown suite %q", errBenchUsage, suite)
	}
	if *quick {
		quickAEAD(&o)
	}
	if runner != "" {
		o.Command = []string{runner}
	}
	return runAEAD(ctx, o, &out, stdout, stderr)
}

// quickAEAD fills what the command line left open.
func quickAEAD(o *bench.AEADOptions) {
	if o.Rounds == 0 {
		o.Rounds = bench.MinRounds
	}
	if o.Slot == 0 {
		o.Slot = 3 * time.Millisecond
	}
	if len(o.Sizes) == 0 {
		o.Sizes = []int{4 << 10, 64 << 10}
	}
	if len(o.Cores) == 0 {
		o.Cores = bench.QuickCores()
	}
}

func runAEAD(ctx context.Context, o bench.AEADOptions, out *benchOutputs, stdout, stderr io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	o.Command = append(o.Command, self, "bench", bench.ChildArg)
	o.Progress = benchProgress(stderr)
	rep, err := bench.RunAEAD(ctx, o)
	return finishBench(rep, err, out, stdout, stderr)
}

func benchNumbers(list string) (numbers []int, err error) {
	if list == "" {
		return nil, nil
	}
	for _, s := range strings.Split(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil {
			return nil, fmt.Errorf("%w: %q is not a number", errBenchUsage, s)
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}
