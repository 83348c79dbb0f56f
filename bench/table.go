package bench

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
)

// WriteTable writes the report for a terminal.
func (rep *Report) WriteTable(w io.Writer) error {
	b := bufio.NewWriter(w)
	rep.writeMachine(b)
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, section := range rep.sections() {
		fmt.Fprintf(t, "\n%s\n", section.Name)
		for _, cells := range append([][]string{section.Header}, section.Rows...) {
			fmt.Fprintln(t, strings.Join(cells, "\t")+"\t")
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(b)
	for _, n := range rep.notes() {
		fmt.Fprintln(b, n)
	}
	for _, warning := range rep.Warnings {
		fmt.Fprintf(b, "warning: %s\n", warning)
	}
	return b.Flush()
}

// rowSection is the heading under which a row stands.
func rowSection(r *Row) string {
	l := r.Labels
	if l[LabelStage] != "" {
		return "pipeline: " + l[LabelOp]
	}
	if l[LabelSuite] == "" || l[LabelOp] == "" {
		return r.Group
	}
	place := ""
	if l[LabelPlace] != "" {
		place = ", " + l[LabelPlace] + map[string]string{placeIn: "-place", placeOut: " of place"}[l[LabelPlace]]
	}
	return fmt.Sprintf("%s %s%s, cores: %d", l[LabelSuite], l[LabelOp], place, r.Cores)
}

// section is a part of the table: rows that differ in size and path alone.
type section struct {
	Name   string
	Header []string
	Rows   [][]string
}

// columns says which optional columns a section has.
type columns struct{ throughput, cipher, latency bool }

func (rep *Report) sections() (list []section) {
	for i := 0; i < len(rep.Rows); {
		name, from := rowSection(&rep.Rows[i]), i
		var c columns
		for ; i < len(rep.Rows) && rowSection(&rep.Rows[i]) == name; i++ {
			c.throughput = c.throughput || rep.Rows[i].Bytes > 0
			c.cipher = c.cipher || rep.Rows[i].Labels[LabelSuite] != ""
			c.latency = c.latency || rep.Rows[i].Latency != nil
		}
		s := section{Name: name, Header: c.header()}
		for k := from; k < i; k++ {
			s.Rows = append(s.Rows, rep.rowCells(&rep.Rows[k], c))
		}
		list = append(list, s)
	}
	if len(rep.Figures) > 0 {
		s := section{Name: "figures", Header: []string{"", "", ""}}
		for _, f := range rep.Figures {
			s.Rows = append(s.Rows, []string{f.Name, number(f.Value), f.Unit})
		}
		list = append(list, s)
	}
	return list
}

func (c columns) header() []string {
	h := []string{"size", "path", "ns/op", "±", "MAD"}
	if c.throughput {
		h = append(h, "GB/s", "best")
	}
	h = append(h, "ratio", "95 %", "cpu ns/op", "allocs")
	if c.cipher {
		h = append(h, "B/cycle", "AES limit")
	}
	if c.latency {
		h = append(h, "p50", "p90", "p99", "p99.9")
	}
	return append(h, "")
}

func (rep *Report) rowCells(r *Row, c columns) []string {
	s, ratio := r.Summary(), rep.Ratio(r)
	name := r.Variant
	if stage := r.Labels[LabelStage]; stage != "" {
		name = stage + ", " + r.Variant
	}
	cells := []string{sizeName(r.Bytes), name, number(s.Median), percent(spread(s), 1), percent(s.MAD/s.Median, 1)}
	if c.throughput {
		cells = append(cells, number(r.Throughput(s.Median)/1e9), number(r.Throughput(s.Best)/1e9))
	}
	if rep.Base(r) == r {
		cells = append(cells, "base", "")
	} else {
		cells = append(cells, number(ratio.Median), fmt.Sprintf("%s–%s", number(ratio.CI.Low), number(ratio.CI.High)))
	}
	cells = append(cells, number(Median(r.CPU)), strconv.FormatFloat(r.Allocs, 'g', 3, 64))
	if c.cipher {
		cells = append(cells, number(r.BytesPerCycle()), rep.limitShare(r))
	}
	for _, q := range []float64{0.5, 0.9, 0.99, 0.999} {
		switch {
		case r.Latency != nil:
			cells = append(cells, number(r.Latency.Quantile(q)/1e3)+" µs")
		case c.latency:
			cells = append(cells, "")
		}
	}
	return append(cells, rep.remark(r))
}

// limitShare is what part of the core's AES limit for 128-bit instructions a row reaches.
func (rep *Report) limitShare(r *Row) string {
	if r.Labels[LabelSuite] != "AES-256-GCM" {
		return ""
	}
	limit := rep.Machine.AES.Narrow()
	if limit == 0 || r.BytesPerCycle() == 0 {
		return "unknown"
	}
	return percent(r.BytesPerCycle()/limit, 0)
}

func (rep *Report) remark(r *Row) string {
	var list []string
	if whole := rep.wholeOf(r); r.Labels[LabelStage] != "" && whole != r {
		list = append(list, fmt.Sprintf("%s of %s", percent(r.Summary().Median/whole.Summary().Median, 1), whole.Labels[LabelStage]))
	}
	if r.Summary().Bimodal {
		list = append(list, "two modes")
	}
	for _, p := range rep.Paths {
		if p.Name == r.Path && r.Labels[LabelSuite] == "AES-256-GCM" && !p.ConstantTimeAES {
			list = append(list, "not constant-time")
		}
	}
	return strings.Join(list, ", ")
}

// spread is the longer side of the median's interval, as a share of the median.
func spread(s Summary) float64 { return max(s.CI.High-s.Median, s.Median-s.CI.Low) / s.Median }

func percent(x float64, digits int) string { return fmt.Sprintf("%.*f %%", digits, 100*x) }

// number prints three or four significant digits without an exponent.
func number(x float64) string {
	switch {
	case x >= 1000:
		return strconv.FormatFloat(x, 'f', 0, 64)
	case x >= 100:
		return strconv.FormatFloat(x, 'f', 1, 64)
	case x >= 10:
		return strconv.FormatFloat(x, 'f', 2, 64)
	}
	return strconv.FormatFloat(x, 'f', 3, 64)
}

func sizeName(n int64) string {
	switch {
	case n == 0:
		return ""
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}
