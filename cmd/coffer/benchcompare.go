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

// benchCompare is `coffer bench compare`.
func benchCompare(_ context.Context, args []string, stdout, _ io.Writer) error {
	f := flag.NewFlagSet("compare", flag.ContinueOnError)
	gate := f.Float64("gate", 0, "fail if a row of B is shown to be slower than this `RATIO` of A, such as 0.95")
	emulated := f.Bool("emulated", false, "accept reports made under emulation")
	rest, err := benchFlags(f, args, "A.json B.json", stdout)
	if err != nil {
		return err
	}
	if len(rest) != 2 {
		return fmt.Errorf("%w: wants two reports, got %d", errBenchUsage, len(rest))
	}
	if *gate < 0 || *gate > 1 {
		return fmt.Errorf("%w: --gate is a ratio up to 1", errBenchUsage)
	}
	reports, err := readBenchReports(rest)
	if err != nil {
		return err
	}
	c, err := bench.Compare(reports[0], reports[1], *emulated)
	if err != nil {
		return err
	}
	if err := c.WriteTable(stdout); err != nil {
		return err
	}
	if *gate == 0 {
		return nil
	}
	if len(c.Rows) == 0 {
		return errors.New("the gate has nothing to judge: the reports have no row in common")
	}
	if slow := c.Regressions(*gate); len(slow) > 0 {
		return fmt.Errorf("%d of %d rows are below %g of A's speed, first %s at %.3f", len(slow), len(c.Rows), *gate, slow[0].Name, slow[0].Ratio)
	}
	return nil
}

// benchReport is `coffer bench report`.
func benchReport(_ context.Context, args []string, stdout, _ io.Writer) error {
	f := flag.NewFlagSet("report", flag.ContinueOnError)
	html := f.String("html", "bench.html", "write the page to `FILE`")
	emulated := f.Bool("emulated", false, "accept reports made under emulation")
	rest, err := benchFlags(f, args, "FILE.json...", stdout)
	if err != nil {
		return err
	}
	if len(rest) == 0 {
		return fmt.Errorf("%w: wants JSON reports", errBenchUsage)
	}
	reports, err := readBenchReports(rest)
	if err != nil {
		return err
	}
	for _, rep := range reports {
		if rep.Machine.Emulated && !*emulated {
			return fmt.Errorf("%w; --emulated accepts it", bench.ErrEmulated)
		}
	}
	if err := writeBenchFile(*html, func(w io.Writer) error { return bench.WriteHTML(w, reports, *emulated) }); err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, *html)
	return err
}

func readBenchReports(paths []string) (reports []*bench.Report, err error) {
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		rep, err := bench.ReadReport(f)
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		reports = append(reports, rep)
	}
	return reports, nil
}
