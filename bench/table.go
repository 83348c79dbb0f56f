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

func (rep *Report) writeMachine(w io.Writer) {
	for _, f := range rep.Machine.facts() {
		fmt.Fprintf(w, "%-11s %s\n", f[0], f[1])
	}
	for _, p := range rep.Paths {
		fmt.Fprintf(w, "path %-13s %s\n", p.Name, p.describe())
	}
}

// describe says what a path's process found in effect.
func (p PathReport) describe() string {
	var on, off []string
	for _, f := range p.Features {
		switch {
		case f.Effective:
			on = append(on, f.Name)
		case f.Hardware:
			off = append(off, f.Name)
		}
	}
	constant := "constant-time"
	if !p.ConstantTimeAES {
		constant = "not constant-time"
	}
	s := fmt.Sprintf("AES-GCM %s (%s), ChaCha20-Poly1305 %s; %d known answers; in effect: %s", p.GCM, constant, p.ChaCha, p.KnownAnswers, strings.Join(on, " "))
	if len(off) > 0 {
		s += "; in the hardware but off: " + strings.Join(off, " ")
	}
	return s
}

// facts are the machine's facts for people.
func (m *Machine) facts() [][2]string {
	cores := fmt.Sprintf("%d CPUs, GOMAXPROCS %d, SMT %s, governor %s, boost %s", m.CPUs, m.GOMAXPROCS, orUnknown(m.SMT), orUnknown(m.Governor), orUnknown(m.Boost))
	facts := [][2]string{
		{"host", fmt.Sprintf("%s, %s, hypervisor %s", m.Host, m.Kernel, orUnknown(m.Hypervisor))},
		{"cpu", fmt.Sprintf("%s (%s family %#x model %#x stepping %d, microcode %s)", m.CPU, m.Vendor, m.Family, m.Model, m.Stepping, orUnknown(m.Microcode))},
		{"cores", cores},
		{"caches", orUnknown(strings.Join(m.Caches, ", "))},
		{"go", fmt.Sprintf("%s %s/%s %s GODEBUG=%q", m.Go, m.GOOS, m.GOARCH, m.Level, m.GODEBUG)},
		{"load", fmt.Sprintf("%.2f before, %.2f after; steal %.1f %%", m.LoadBefore, m.LoadAfter, 100*m.StealShare)},
		{"aes limit", m.AES.describe()},
	}
	if m.Emulated {
		facts = append(facts, [2]string{"EMULATED", "the times below mean nothing"})
	}
	return facts
}

func orUnknown(s string) string { return first(s, "unknown") }

func (u AESUnit) describe() string {
	if u.Core == "" {
		return "unknown: this core is not in the table"
	}
	source := "from published tables, not checked here"
	if u.Measured {
		source = "measured"
	}
	return fmt.Sprintf("%s: 16 B × %g per cycle / 14 rounds = %.2f B/cycle with 128-bit instructions, %.2f with the widest (rates %s)",
		u.Core, u.Rate, u.Narrow(), u.Wide(), source)
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

// notes explain the columns.
func (rep *Report) notes() []string {
	cycles := "estimated from a dependent chain timed before every slot"
	if len(rep.Rows) > 0 && rep.Rows[0].Counted {
		cycles = "counted by the CPU"
	}
	list := []string{
		fmt.Sprintf("%d interleaved rounds, slots of %v, order seed %d, %v in all.", rep.Settings.Rounds, rep.Settings.Slot, rep.Settings.Seed, rep.Elapsed.Round(1e9)),
		"ns/op and GB/s (1e9 B/s): median over rounds, all cores together; best: fastest round; ±: the longer side of the median's 95 % interval; ratio: speed against the group's first row, paired by round.",
		"Core cycles: " + cycles + ".",
	}
	if len(rep.labelValues(LabelStage)) > 0 {
		list = append(list, "Each stage includes those before it. A plain volume is sealed like an encrypted one, under the store's key instead of a KMS key: what sealing costs is the row aead. CPU time is that of the caller alone.")
	}
	return list
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
