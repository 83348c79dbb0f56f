package bench

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
)

// WriteText writes the report in the text format of Go benchmarks, one line per row and
// round, so that benchstat reads it.
func (rep *Report) WriteText(w io.Writer) error {
	b := bufio.NewWriter(w)
	m := &rep.Machine
	fmt.Fprintf(b, "goos: %s\ngoarch: %s\npkg: coffer.example/bench\ncpu: %s\n", m.GOOS, m.GOARCH, m.CPU)
	if m.Emulated {
		fmt.Fprintln(b, "emulated: true")
	}
	for i := range rep.Rows {
		r := &rep.Rows[i]
		name := benchmarkName(rep.Kind, r)
		ops := max(1, r.Ops/int64(len(r.Wall)))
		for round, ns := range r.Wall {
			fmt.Fprintf(b, "%s\t%d\t%.6g ns/op", name, ops, ns)
			if r.Bytes > 0 {
				fmt.Fprintf(b, "\t%.6g MB/s", r.Throughput(ns)/1e6)
			}
			fmt.Fprintf(b, "\t%.6g cpu-ns/op\t%d allocs/op\n", r.CPU[round], int64(r.Allocs))
		}
	}
	return b.Flush()
}

// benchmarkName gives the labels as key=value parts, which benchstat can group by; a row
// without labels gives its name.
func benchmarkName(kind string, r *Row) string {
	var parts []string
	for k, v := range r.Labels {
		if k != LabelCores && k != LabelEngine && k != LabelCode { // the suffix and the variant say them
			parts = append(parts, k+"="+v)
		}
	}
	slices.Sort(parts)
	if len(parts) == 0 {
		parts = []string{r.Name()}
	} else {
		parts = append(parts, "variant="+r.Variant)
	}
	name := "Benchmark" + strings.ToUpper(kind[:1]) + kind[1:] + "/" + strings.Join(parts, "/")
	return fmt.Sprintf("%s-%d", strings.Join(strings.Fields(name), "_"), r.Cores)
}
