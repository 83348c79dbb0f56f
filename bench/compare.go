package bench

import (
	"bufio"
	"fmt"
	"io"
	"text/tabwriter"
)

// Verdict is what a comparison of two rows shows.
type Verdict string

// The verdicts. NoDifference means that none was shown, not that there is none.
const (
	Faster       Verdict = "faster"
	Slower       Verdict = "slower"
	NoDifference Verdict = "no difference shown"
)

// leastDifference is what two runs of the same program may differ by without anyone
// calling it a change: their memory and code lie elsewhere.
const leastDifference = 0.01

// Compared is a row that two reports have in common.
type Compared struct {
	Name    string
	Bytes   int64
	A, B    Summary  // ns per operation
	Ratio   float64  // speed of B against A: above 1, B is faster
	CI      Interval // of Ratio, 99 %
	Verdict Verdict
}

// Comparison sets report B beside report A.
type Comparison struct {
	A, B         *Report
	Rows         []Compared
	OnlyA, OnlyB []string // rows without a partner
}

// Compare matches rows by what was done and by the path that was asked for, so that an
// amd64 and an arm64 host meet where both run their default. Emulated reports are refused
// with ErrEmulated unless allowed.
func Compare(a, b *Report, allowEmulated bool) (*Comparison, error) {
	for _, r := range []*Report{a, b} {
		if r.Machine.Emulated && !allowEmulated {
			return nil, fmt.Errorf("%w: %s of %s", ErrEmulated, r.Kind, r.Started.Format("2006-01-02 15:04"))
		}
	}
	c := &Comparison{A: a, B: b}
	partners := map[string]*Row{}
	for i := range b.Rows {
		partners[b.Rows[i].matchKey()] = &b.Rows[i]
	}
	for i := range a.Rows {
		ra := &a.Rows[i]
		rb := partners[ra.matchKey()]
		if rb == nil {
			c.OnlyA = append(c.OnlyA, ra.Name())
			continue
		}
		delete(partners, ra.matchKey())
		c.Rows = append(c.Rows, compareRows(ra, rb))
	}
	for i := range b.Rows {
		if partners[b.Rows[i].matchKey()] != nil {
			c.OnlyB = append(c.OnlyB, b.Rows[i].Name())
		}
	}
	return c, nil
}

func (r *Row) matchKey() string {
	if r.Path == "" {
		return r.Name()
	}
	return r.Group + "|" + r.Path + "|" + r.Labels[LabelEngine]
}

func compareRows(a, b *Row) Compared {
	c := Compared{Name: a.Name(), Bytes: a.Bytes, A: a.Summary(), B: b.Summary(), Verdict: NoDifference}
	if a.Variant != b.Variant {
		c.Name += " : " + b.Variant
	}
	c.Ratio, c.CI = shiftRatio(a.Wall, b.Wall)
	switch {
	case !c.CI.Bounded():
	case c.CI.Low > 1 && c.Ratio > 1+leastDifference:
		c.Verdict = Faster
	case c.CI.High < 1 && c.Ratio < 1-leastDifference:
		c.Verdict = Slower
	}
	return c
}

// Regressions returns the rows that were shown to be slower and whose ratio is below gate.
func (c *Comparison) Regressions(gate float64) (list []Compared) {
	for _, r := range c.Rows {
		if r.Verdict == Slower && r.Ratio < gate {
			list = append(list, r)
		}
	}
	return list
}

// WriteTable writes the comparison for a terminal.
func (c *Comparison) WriteTable(w io.Writer) error {
	b := bufio.NewWriter(w)
	for _, x := range []struct {
		name string
		rep  *Report
	}{{"A", c.A}, {"B", c.B}} {
		m := &x.rep.Machine
		fmt.Fprintf(b, "%s: %s, %s, %s, %s, %s\n", x.name, x.rep.Started.Format("2006-01-02 15:04"), m.Host, m.CPU, m.Kernel, m.Go)
		for _, warning := range x.rep.Warnings {
			fmt.Fprintf(b, "   warning: %s\n", warning)
		}
	}
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nrow\tA ns/op\tB ns/op\tB/A speed\t99 %\tverdict")
	for _, r := range c.Rows {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s–%s\t%s\n", r.Name, number(r.A.Median), number(r.B.Median), number(r.Ratio), number(r.CI.Low), number(r.CI.High), r.Verdict)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, n := range c.OnlyA {
		fmt.Fprintf(b, "only in A: %s\n", n)
	}
	for _, n := range c.OnlyB {
		fmt.Fprintf(b, "only in B: %s\n", n)
	}
	return b.Flush()
}
