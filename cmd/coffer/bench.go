package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"coffer.example/bench"
)

// benchCommand is `coffer bench`: it measures and compares. It returns the exit status:
// 0 done, 1 failed or refused, 2 wrong usage.
func benchCommand(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	runs := map[string]func(context.Context, []string, io.Writer, io.Writer) error{
		"aead": benchAEAD, "pipeline": benchPipeline, "kms": benchKMS, "ebs": benchEBS, "ecr": benchECR, "peers": benchPeers, "compare": benchCompare, "report": benchReport,
	}
	if len(args) == 1 && args[0] == bench.ChildArg { // a path of benchAEAD, on pipes
		return bench.ChildMain()
	}
	if len(args) == 0 || runs[args[0]] == nil {
		fmt.Fprint(stderr, benchUsage)
		if len(args) == 1 && (args[0] == "help" || args[0] == "--help" || args[0] == "-h") {
			return 0
		}
		return 2
	}
	err := runs[args[0]](ctx, args[1:], stdout, stderr)
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errBenchUsage):
		fmt.Fprintf(stderr, "coffer bench %s: %v\n", args[0], err)
		return 2
	}
	fmt.Fprintf(stderr, "coffer bench %s: %v\n", args[0], err)
	return 1
}

const benchUsage = `usage: coffer bench <command> [flags]
  aead             seal and open on every code path of this CPU
  pipeline         a block through AEAD, record, volume in memory, on disk, NBD
  kms              a key store over HTTP and in the process
  ebs              snapshot copies, restores and the EBS direct API against files
  ecr              a layer pushed and pulled, against a registry of plain files
  peers            a volume against qemu-nbd LUKS, nbdkit and the raw disk
  compare A B      two JSON reports side by side; --gate 0.95 fails on regressions
  report FILE...   one HTML page for many JSON reports
Each command has --help.
`

// errBenchUsage marks wrong command lines.
var errBenchUsage = errors.New("wrong usage")

// benchFlags parses flags and operands in any order; it prints help to stdout.
func benchFlags(f *flag.FlagSet, args []string, operands string, stdout io.Writer) (rest []string, err error) {
	f.SetOutput(io.Discard)
	for {
		if err = f.Parse(args); err != nil {
			break
		}
		if f.NArg() == 0 {
			return rest, nil
		}
		rest, args = append(rest, f.Arg(0)), f.Args()[1:]
	}
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(stdout, "usage: coffer bench %s [flags] %s\n", f.Name(), operands)
		f.SetOutput(stdout)
		f.PrintDefaults()
		return nil, err
	}
	return nil, fmt.Errorf("%w: %w", errBenchUsage, err)
}

// benchOutputs are the files that a run may write.
type benchOutputs struct{ json, text, html, svg string }

func (o *benchOutputs) flags(f *flag.FlagSet) {
	f.StringVar(&o.json, "json", "", "write the report with all samples to `FILE`")
	f.StringVar(&o.text, "text", "", "write Go benchmark text for benchstat to `FILE`")
	f.StringVar(&o.html, "html", "", "write a page with plots to `FILE`")
	f.StringVar(&o.svg, "svg", "", "write the first plot alone to `FILE`")
}

// benchRunFlags parses the command line of a measurement: the flags that f has, those
// that every measurement has, and no operands.
func benchRunFlags(f *flag.FlagSet, o *bench.Options, out *benchOutputs, args []string, stdout io.Writer) error {
	f.Uint64Var(&o.Seed, "seed", 1, "of the order within a round")
	f.BoolVar(&o.Strict, "strict", false, "refuse a machine that is not quiet")
	f.BoolVar(&o.Emulated, "emulated", false, "mark the report as made under emulation")
	out.flags(f)
	rest, err := benchFlags(f, args, "", stdout)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%w: unexpected %q", errBenchUsage, rest[0])
	}
	return err
}

func (o *benchOutputs) write(rep *bench.Report) error {
	for path, write := range map[string]func(io.Writer) error{
		o.json: rep.WriteJSON,
		o.text: rep.WriteText,
		o.svg:  rep.WriteSVG,
		o.html: func(w io.Writer) error { return bench.WriteHTML(w, []*bench.Report{rep}, true) },
	} {
		if path == "" {
			continue
		}
		if err := writeBenchFile(path, write); err != nil {
			return err
		}
	}
	return nil
}

func writeBenchFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}
