package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os/exec"
	"strconv"
	"strings"
	"text/tabwriter"

	"coffer.example/bench"
)

// The row of the ciphers alone.
const (
	cipherRow   = "cipher"
	cipherTitle = "the ciphers alone, 4 KiB, one core"
)

// goal is a ratio that is aimed at: of coffer's speed, or of another variant's, to the fastest (or slowest) of others.
type goal struct {
	row, variant string
	against      []string
	slowest      bool // the slowest of against is the limit; else the fastest
	least        float64
}

var (
	bothQemu = []string{peerQemu, peerQemuDirect}
	ceilings = []string{peerRaw, peerCipher}
)

// peerGoals are the ratios that volumes are built to reach.
var peerGoals = [...]goal{
	{"randwrite-qd1", peerCoffer, bothQemu, false, 2.0},
	{"randwrite-qd16", peerCoffer, bothQemu, false, 2.0},
	{"randwrite-qd64", peerCoffer, bothQemu, false, 2.0},
	{"flush1-qd1", peerCoffer, bothQemu, false, 1.0},
	{"flush64-qd16", peerCoffer, bothQemu, false, 1.5},
	{"warmread-qd1", peerCoffer, []string{peerQemu}, false, 2.0},
	{"warmread-qd16", peerCoffer, []string{peerQemu}, false, 2.0},
	{"warmread-qd64", peerCoffer, []string{peerQemu}, false, 2.0},
	{"warmread-qd1", peerCoffer, []string{peerMemory}, false, 0.6},
	{"warmread-qd16", peerCoffer, []string{peerMemory}, false, 0.6},
	{"warmread-qd64", peerCoffer, []string{peerMemory}, false, 0.6},
	{"coldread-qd1", peerCoffer, bothQemu, false, 1.0},
	{"coldread-qd16", peerCoffer, bothQemu, false, 1.0},
	{"coldread-qd64", peerCoffer, bothQemu, false, 1.0},
	{"seqwrite", peerCoffer, bothQemu, false, 3.0},
	{"seqwrite", peerCoffer, ceilings, true, 0.8},
	{"seqread", peerCoffer, bothQemu, false, 3.0},
	{"seqread", peerCoffer, ceilings, true, 0.7},
	{"steady-write", "overwritten", []string{"fresh"}, false, 0.8},
	{"steady-read", "overwritten", []string{"fresh"}, false, 0.7},
	{"after-snapshot", "right after", []string{"before"}, false, 0.7},
	{"snapshots-100", strconv.Itoa(manySnapshots), []string{"none"}, false, 0.9},
	{"reencrypt", peerCoffer, []string{"AEAD alone, opened and sealed", "copy of a file"}, true, 0.7},
}

// writePeerGoals sets the measured ratios beside the goals, each with its spread over the rounds.
func writePeerGoals(w io.Writer, rep *bench.Report) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nratio\tagainst\tgoal\tmedian\tspread\t")
	for _, g := range peerGoals {
		ours, others := rowsOf(rep, g)
		if ours == nil || len(others) == 0 {
			continue
		}
		ratio := bench.PairedRatio(g.limits(others), ours.Wall)
		verdict := "reached"
		if ratio.Median < g.least {
			verdict = "missed"
		}
		names := make([]string, len(others))
		for i, other := range others {
			names[i] = other.Variant
		}
		which := "the faster of "
		if g.slowest {
			which = "the slower of "
		}
		if len(names) == 1 {
			which = ""
		}
		fmt.Fprintf(t, "%s: %s\t%s%s\t%.2f\t%.2f\t%.2f–%.2f\t%s\n", g.row, ours.Variant, which, strings.Join(names, " and "), g.least, ratio.Median, ratio.CI.Low, ratio.CI.High, verdict)
	}
	return t.Flush()
}

// rowsOf finds the rows that a goal is about.
func rowsOf(rep *bench.Report, g goal) (ours *bench.Row, others []*bench.Row) {
	for i := range rep.Rows {
		row := &rep.Rows[i]
		if row.Labels["row"] != g.row {
			continue
		}
		if row.Variant == g.variant {
			ours = row
		}
		for _, name := range g.against {
			if row.Variant == name {
				others = append(others, row)
			}
		}
	}
	return ours, others
}

// limits are the times, round by round, of the fastest of the others, or of the slowest.
func (g goal) limits(others []*bench.Row) []float64 {
	out := make([]float64, len(others[0].Wall))
	for round := range out {
		out[round] = others[0].Wall[round]
		for _, other := range others[1:] {
			if g.slowest {
				out[round] = math.Max(out[round], other.Wall[round])
			} else {
				out[round] = math.Min(out[round], other.Wall[round])
			}
		}
	}
	return out
}

// cipherCases are the ciphers alone: ours, and those of openssl and of the kernel where their tools are installed.
func (r *peersRig) cipherCases(ctx context.Context) []bench.Case {
	const bytes = 4096
	list := []bench.Case{{Variant: peerCoffer, Measure: func() (bench.Sample, error) {
		n, err := sealFor(sealTime, false)
		return bench.Sample{Ops: max(1, n), Wall: float64(sealTime) / float64(max(1, n)), CPU: float64(sealTime) / float64(max(1, n))}, err
	}}}
	for _, tool := range []struct {
		variant, program string
		args             []string
		rate             func(out string) (float64, error)
	}{
		{"openssl aes-256-gcm", "openssl", []string{"speed", "-elapsed", "-mr", "-seconds", "1", "-bytes", "4096", "-evp", "aes-256-gcm"}, opensslRate},
		{"openssl aes-256-xts", "openssl", []string{"speed", "-elapsed", "-mr", "-seconds", "1", "-bytes", "4096", "-evp", "aes-256-xts"}, opensslRate},
		{"cryptsetup aes-xts 512b", "cryptsetup", []string{"benchmark", "--cipher", "aes-xts", "--key-size", "512"}, cryptsetupRate},
	} {
		run := func() (bench.Sample, error) {
			out, err := exec.CommandContext(ctx, tool.program, tool.args...).CombinedOutput()
			if err != nil {
				return bench.Sample{}, fmt.Errorf("%s: %w: %s", tool.program, err, out)
			}
			rate, err := tool.rate(string(out))
			return bench.Sample{Ops: 1, Wall: bytes / rate * 1e9}, err
		}
		if r.missing(tool.variant, tool.program) {
			continue
		}
		if _, err := run(); err != nil { // cryptsetup needs the kernel's AF_ALG
			fmt.Fprintf(r.stderr, "coffer bench peers: no row of %s: %v\n", tool.variant, err)
			continue
		}
		list = append(list, bench.Case{Variant: tool.variant, Measure: run})
	}
	for i := range list {
		list[i].Group, list[i].Bytes, list[i].Labels = cipherTitle, bytes, map[string]string{"row": cipherRow}
	}
	return list
}

// opensslRate reads the machine-readable result of openssl speed: "+F:n:name:bytes per second".
func opensslRate(out string) (float64, error) {
	for line := range strings.Lines(out) {
		if fields := strings.Split(strings.TrimSpace(line), ":"); fields[0] == "+F" && len(fields) > 3 {
			return strconv.ParseFloat(fields[3], 64)
		}
	}
	return 0, fmt.Errorf("openssl: no rate in its output")
}

// cryptsetupRate reads the speed of encryption, in MiB/s.
func cryptsetupRate(out string) (float64, error) {
	for line := range strings.Lines(out) {
		if fields := strings.Fields(line); len(fields) > 3 && fields[0] == "aes-xts" {
			mib, err := strconv.ParseFloat(fields[2], 64)
			return mib * (1 << 20), err
		}
	}
	return 0, fmt.Errorf("cryptsetup: no rate in its output")
}
