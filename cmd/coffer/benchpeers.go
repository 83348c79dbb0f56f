package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"coffer.example/bench"
)

const (
	peersSeconds = 3
	peersWarmSet = 64 << 20 // lies in every cache that there is
	maxPeersSize = 1 << 40
)

// peersOptions are the flags of `coffer bench peers`.
type peersOptions struct {
	bench.Options
	dir     string
	size    int64
	seconds int
	only    []string // rows; empty: all
}

// benchPeers is `coffer bench peers`: the same loads, made by fio over unix sockets, on an encrypted volume and on what
// a user would pick instead, on the same disk in interleaved rounds; and what only the store itself can be asked.
func benchPeers(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o := peersOptions{Options: bench.Options{Kind: "peers"}}
	var out benchOutputs
	f := flag.NewFlagSet("peers", flag.ContinueOnError)
	quick := f.Bool("quick", false, fmt.Sprintf("%d rounds of a second", bench.MinLongRounds))
	f.IntVar(&o.Rounds, "rounds", 2*bench.MinLongRounds-1, fmt.Sprintf("interleaved rounds, at least %d", bench.MinLongRounds))
	f.IntVar(&o.seconds, "seconds", peersSeconds, "how long one load runs in one round")
	f.Int64Var(&o.size, "size", benchVolumeBytes, "`BYTES` of the volume and of each peer's image, whole GiB")
	rows := f.String("rows", "", "comma-separated `NAMES` of rows, or their beginnings; empty: all")
	list := f.Bool("list", false, "list the rows and end")
	f.StringVar(&o.dir, "dir", os.TempDir(), "`DIRECTORY` on the disk to be measured")
	if err := benchRunFlags(f, &o.Options, &out, args, stdout); err != nil {
		return err
	}
	if *list {
		return listPeerRows(stdout)
	}
	if *quick {
		o.Rounds, o.seconds = bench.MinLongRounds, 1
	}
	if *rows != "" {
		o.only = strings.Split(*rows, ",")
	}
	switch {
	case o.seconds < 1:
		return fmt.Errorf("%w: --seconds %d", errBenchUsage, o.seconds)
	case o.size < benchVolumeBytes || o.size%benchVolumeBytes != 0 || o.size > maxPeersSize:
		return fmt.Errorf("%w: --size is whole GiB, up to %d", errBenchUsage, int64(maxPeersSize))
	}
	if err := o.checkRows(); err != nil {
		return err
	}
	rig := &peersRig{options: &o, stderr: stderr, keys: newBenchKeys()}
	defer rig.close()
	cases, err := rig.cases(ctx)
	if err != nil {
		return err
	}
	o.Progress = benchProgress(stderr)
	rep, err := bench.Run(ctx, o.Options, cases)
	if rep != nil {
		rep.Figures = rig.figures
	}
	err = finishBench(rep, err, &out, stdout, stderr)
	if rep == nil {
		return err
	}
	return errors.Join(err, writePeerGoals(stdout, rep))
}

// wants says whether a row is asked for.
func (o *peersOptions) wants(name string) bool {
	return len(o.only) == 0 || slices.ContainsFunc(o.only, func(want string) bool { return strings.HasPrefix(name, want) })
}

// checkRows refuses names that no row begins with.
func (o *peersOptions) checkRows() error {
	for _, want := range o.only {
		begins := func(name string) bool { return strings.HasPrefix(name, want) }
		if want == "" || !slices.ContainsFunc(peerRowNames(), begins) {
			return fmt.Errorf("%w: no row begins with %q; --list shows them", errBenchUsage, want)
		}
	}
	return nil
}

func peerRowNames() (names []string) {
	for _, row := range fioRows {
		names = append(names, row.name)
	}
	for _, row := range storeRows {
		names = append(names, row.name)
	}
	return append(names, cipherRow)
}

func listPeerRows(stdout io.Writer) error {
	for _, row := range fioRows {
		if _, err := fmt.Fprintf(stdout, "%-16s %s\n", row.name, row.title); err != nil {
			return err
		}
	}
	for _, row := range storeRows {
		if _, err := fmt.Fprintf(stdout, "%-16s %s\n", row.name, row.title); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(stdout, "%-16s %s\n", cipherRow, cipherTitle)
	return err
}

// fioRow is a load that every peer is put under.
type fioRow struct {
	name, title string
	load        fioLoad
	cold        bool // nothing of the image is in a cache
	warm        bool // all of the set is
}

// fioRows are the loads, in the order of the table.
var fioRows = [...]fioRow{
	{name: "randwrite-qd1", title: "4 KiB random write, depth 1", load: fioLoad{rw: "randwrite", block: 4096, depth: 1}},
	{name: "randwrite-qd16", title: "4 KiB random write, depth 16", load: fioLoad{rw: "randwrite", block: 4096, depth: 16}},
	{name: "randwrite-qd64", title: "4 KiB random write, depth 64", load: fioLoad{rw: "randwrite", block: 4096, depth: 64}},
	{name: "flush1-qd1", title: "4 KiB random write, a flush after each, depth 1", load: fioLoad{rw: "randwrite", block: 4096, depth: 1, flush: 1}},
	{name: "flush64-qd16", title: "4 KiB random write, a flush after 64, depth 16", load: fioLoad{rw: "randwrite", block: 4096, depth: 16, flush: 64}},
	{name: "warmread-qd1", title: "4 KiB random read, warm, depth 1", load: fioLoad{rw: "randread", block: 4096, depth: 1}, warm: true},
	{name: "warmread-qd16", title: "4 KiB random read, warm, depth 16", load: fioLoad{rw: "randread", block: 4096, depth: 16}, warm: true},
	{name: "warmread-qd64", title: "4 KiB random read, warm, depth 64", load: fioLoad{rw: "randread", block: 4096, depth: 64}, warm: true},
	{name: "coldread-qd1", title: "4 KiB random read, cold, depth 1", load: fioLoad{rw: "randread", block: 4096, depth: 1}, cold: true},
	{name: "coldread-qd16", title: "4 KiB random read, cold, depth 16", load: fioLoad{rw: "randread", block: 4096, depth: 16}, cold: true},
	{name: "coldread-qd64", title: "4 KiB random read, cold, depth 64", load: fioLoad{rw: "randread", block: 4096, depth: 64}, cold: true},
	{name: "seqwrite", title: "1 MiB sequential write, depth 8", load: fioLoad{rw: "write", block: 1 << 20, depth: 8}},
	{name: "seqread", title: "1 MiB sequential read, depth 8", load: fioLoad{rw: "read", block: 1 << 20, depth: 8}, cold: true},
}
