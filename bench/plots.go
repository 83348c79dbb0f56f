package bench

import (
	"fmt"
	"math"
	"slices"
)

// plots draws what a report's rows have to show.
func (rep *Report) plots() (svgs []string) {
	for _, suite := range rep.labelValues(LabelSuite) {
		for _, op := range rep.labelValues(LabelOp) {
			if p := rep.throughputPlot(suite, op); len(p.lines) > 0 {
				svgs = append(svgs, p.svg())
			}
		}
		if p := rep.scalingPlot(suite); len(p.lines) > 0 {
			svgs = append(svgs, p.svg())
		}
	}
	if p := rep.latencyPlot(); len(p.lines) > 0 {
		svgs = append(svgs, p.svg())
	}
	for _, s := range rep.stageShares() {
		svgs = append(svgs, s.svg())
	}
	if c := rep.speeds(); len(c.groups) > 0 {
		svgs = append(svgs, c.svg())
	}
	return svgs
}

// labelValues returns the values of a label in the order of the rows.
func (rep *Report) labelValues(label string) (values []string) {
	for i := range rep.Rows {
		if v := rep.Rows[i].Labels[label]; v != "" && !slices.Contains(values, v) {
			values = append(values, v)
		}
	}
	return values
}

// throughputPlot has throughput by size on one core, out of place: one line per path,
// the AES unit's limit dashed.
func (rep *Report) throughputPlot(suite, op string) *plot {
	p := &plot{title: fmt.Sprintf("%s %s, one core", suite, op), xLabel: "plaintext size", yLabel: "GB/s", logX: true}
	rep.addLines(p, "", func(r *Row) bool {
		return r.Labels[LabelSuite] == suite && r.Labels[LabelOp] == op && r.Labels[LabelPlace] == placeOut && r.Cores == 1
	})
	_, ghz, _ := clockSpread(rep.Rows)
	if unit := rep.Machine.AES; suite == "AES-256-GCM" && unit.Core != "" && ghz > 0 && len(p.lines) > 0 {
		p.limits = append(p.limits, limit{fmt.Sprintf("AES limit, 128-bit (%.2f GHz)", ghz), unit.Narrow() * ghz})
	}
	return p
}

// addLines adds one line per variant of the rows that are wanted, with size as x.
func (rep *Report) addLines(p *plot, prefix string, want func(*Row) bool) {
	start := len(p.lines)
	for i := range rep.Rows {
		r := &rep.Rows[i]
		if !want(r) || r.Bytes == 0 {
			continue
		}
		k := slices.IndexFunc(p.lines[start:], func(l line) bool { return l.name == prefix+r.Variant }) + start
		if k < start {
			k = len(p.lines)
			p.lines = append(p.lines, line{name: prefix + r.Variant})
		}
		s, gb := r.Summary(), func(ns float64) float64 { return r.Throughput(ns) / 1e9 }
		q := point{x: float64(r.Bytes), y: gb(s.Median)}
		if s.CI.Bounded() {
			q.low, q.high = gb(s.CI.High), gb(s.CI.Low)
		}
		p.lines[k].points = append(p.lines[k].points, q)
		t := tick{float64(r.Bytes), sizeName(r.Bytes)}
		if !slices.Contains(p.xTicks, t) {
			p.xTicks = append(p.xTicks, t)
		}
	}
}

// scalingPlot has throughput by cores on the default path.
func (rep *Report) scalingPlot(suite string) *plot {
	p := &plot{title: suite + ": cores", xLabel: "cores", yLabel: "GB/s, all cores"}
	for i := range rep.Rows {
		r := &rep.Rows[i]
		if r.Labels[LabelSuite] != suite || r.Labels[LabelPlace] != placeOut || r.Path != pathDefault || r.Labels[LabelEngine] != engineOurs {
			continue
		}
		name := r.Labels[LabelOp] + " " + sizeName(r.Bytes)
		if r.Bytes != 4<<10 && r.Bytes != 64<<10 {
			continue
		}
		k := slices.IndexFunc(p.lines, func(l line) bool { return l.name == name })
		if k < 0 {
			k = len(p.lines)
			p.lines = append(p.lines, line{name: name})
		}
		p.lines[k].points = append(p.lines[k].points, point{x: float64(r.Cores), y: r.Throughput(r.Summary().Median) / 1e9})
		if t := (tick{float64(r.Cores), fmt.Sprint(r.Cores)}); !slices.Contains(p.xTicks, t) {
			p.xTicks = append(p.xTicks, t)
		}
	}
	if len(p.xTicks) < 2 {
		p.lines = nil // one core is no scaling
	}
	return p
}

// latencyPlot has the distribution of single operations: every step to the right is
// ten times rarer.
func (rep *Report) latencyPlot() *plot {
	p := &plot{title: "latency of one operation", xLabel: "share of operations that are faster", yLabel: "µs", logX: true, logY: true}
	for _, t := range []tick{{1, "0"}, {2, "50 %"}, {10, "90 %"}, {100, "99 %"}, {1000, "99.9 %"}} {
		p.xTicks = append(p.xTicks, t)
	}
	for i := range rep.Rows {
		r := &rep.Rows[i]
		if r.Latency == nil || r.Latency.Count() == 0 {
			continue
		}
		l := line{name: r.Name()}
		for x := 1.0; x <= 1000*1.001; x *= math.Pow(10, 0.25) {
			if us := r.Latency.Quantile(1-1/x) / 1e3; us > 0 {
				l.points = append(l.points, point{x: x, y: us})
			}
		}
		p.lines = append(p.lines, l)
	}
	return p
}
