package bench

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// plot is a line chart. Its colours come from the page's style sheet, so that one
// drawing serves light and dark.
type plot struct {
	title, xLabel, yLabel string
	logX, logY            bool
	xTicks, yTicks        []tick // empty: chosen
	lines                 []line
	limits                []limit
}

type tick struct {
	at    float64
	label string
}

type line struct {
	name   string
	points []point
}

// point has an interval: low and high are drawn as a bar where they differ from y.
type point struct{ x, y, low, high float64 }

// limit is a dashed horizontal line.
type limit struct {
	name string
	y    float64
}

const (
	plotWidth, plotHeight                       = 640, 360
	marginLeft, marginRight, marginTop, marginX = 64, 32, 36, 48
	lineStyles                                  = 8 // colours in the style sheet
)

// svg draws the plot with its legend below.
func (p *plot) svg() string {
	x0, x1, y0, y1 := p.ranges()
	toX := scale(x0, x1, marginLeft, plotWidth-marginRight, p.logX)
	toY := scale(y0, y1, plotHeight-marginX, marginTop, p.logY)
	var b strings.Builder
	legendRows := (len(p.lines) + len(p.limits) + 1) / 2
	height := plotHeight + 18*legendRows
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" role="img" aria-label="%s">`, plotWidth, height, html.EscapeString(p.title))
	fmt.Fprintf(&b, `<text class="title" x="%d" y="20">%s</text>`, marginLeft, html.EscapeString(p.title))
	for _, t := range p.yTicksFor(y0, y1) {
		y := toY(t.at)
		fmt.Fprintf(&b, `<path class="grid" d="M%d %.1fH%d"/><text class="tick" text-anchor="end" x="%d" y="%.1f">%s</text>`,
			marginLeft, y, plotWidth-marginRight, marginLeft-6, y+4, html.EscapeString(t.label))
	}
	for _, t := range p.xTicks {
		x := toX(t.at)
		fmt.Fprintf(&b, `<path class="grid" d="M%.1f %dV%d"/><text class="tick" text-anchor="middle" x="%.1f" y="%d">%s</text>`,
			x, marginTop, plotHeight-marginX, x, plotHeight-marginX+16, html.EscapeString(t.label))
	}
	fmt.Fprintf(&b, `<text class="label" text-anchor="middle" x="%d" y="%d">%s</text>`, (marginLeft+plotWidth-marginRight)/2, plotHeight-10, html.EscapeString(p.xLabel))
	fmt.Fprintf(&b, `<text class="label" text-anchor="middle" transform="translate(14 %d) rotate(-90)">%s</text>`, (marginTop+plotHeight-marginX)/2, html.EscapeString(p.yLabel))
	for _, l := range p.limits {
		fmt.Fprintf(&b, `<path class="limit" d="M%d %.1fH%d"/>`, marginLeft, toY(l.y), plotWidth-marginRight)
	}
	for i, l := range p.lines {
		l.draw(&b, i%lineStyles, toX, toY)
	}
	p.legend(&b)
	b.WriteString(`</svg>`)
	return b.String()
}

func (l line) draw(b *strings.Builder, style int, toX, toY func(float64) float64) {
	var path strings.Builder
	for i, q := range l.points {
		command := "L"
		if i == 0 {
			command = "M"
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", command, toX(q.x), toY(q.y))
	}
	fmt.Fprintf(b, `<path class="line s%d" d="%s"/>`, style, path.String())
	for _, q := range l.points {
		if q.low < q.high {
			fmt.Fprintf(b, `<path class="bar s%d" d="M%.1f %.1fV%.1f"/>`, style, toX(q.x), toY(q.low), toY(q.high))
		}
		fmt.Fprintf(b, `<circle class="dot s%d" cx="%.1f" cy="%.1f" r="3"><title>%s: %s</title></circle>`, style, toX(q.x), toY(q.y), html.EscapeString(l.name), number(q.y))
	}
}

func (p *plot) legend(b *strings.Builder) {
	entry := 0
	add := func(class, name string) {
		x, y := marginLeft+(entry%2)*(plotWidth-marginLeft)/2, plotHeight+18*(entry/2)+8
		fmt.Fprintf(b, `<path class="%s" d="M%d %dh24"/><text class="tick" x="%d" y="%d">%s</text>`, class, x, y, x+30, y+4, html.EscapeString(name))
		entry++
	}
	for i, l := range p.lines {
		add(fmt.Sprintf("line s%d", i%lineStyles), l.name)
	}
	for _, l := range p.limits {
		add("limit", l.name)
	}
}

// ranges covers every point and limit; a linear y axis starts at zero.
func (p *plot) ranges() (x0, x1, y0, y1 float64) {
	x0, x1, y0, y1 = math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	for _, l := range p.lines {
		for _, q := range l.points {
			x0, x1 = min(x0, q.x), max(x1, q.x)
			y0, y1 = min(y0, q.y), max(y1, q.y)
		}
	}
	for _, l := range p.limits {
		y1 = max(y1, l.y)
	}
	if x0 == x1 {
		x0, x1 = x0/2, x1*2
	}
	if !p.logY {
		return x0, x1, 0, y1 * 1.05
	}
	return x0, x1, y0 / 1.2, y1 * 1.2
}

// scale maps [from0, from1] to [to0, to1].
func scale(from0, from1, to0, to1 float64, log bool) func(float64) float64 {
	f := func(v float64) float64 { return v }
	if log {
		f = math.Log
	}
	a, b := f(from0), f(from1)
	return func(v float64) float64 { return to0 + (f(v)-a)/(b-a)*(to1-to0) }
}

// yTicksFor gives round numbers: five or so on a linear axis, powers of ten on a logarithmic one.
func (p *plot) yTicksFor(y0, y1 float64) (ticks []tick) {
	if len(p.yTicks) > 0 {
		return p.yTicks
	}
	if p.logY {
		for e := math.Floor(math.Log10(y0)); e <= math.Log10(y1); e++ {
			for _, m := range []float64{1, 2, 5} {
				if v := m * math.Pow(10, e); v >= y0 && v <= y1 {
					ticks = append(ticks, tick{v, fmt.Sprintf("%g", v)})
				}
			}
		}
		return ticks
	}
	step := math.Pow(10, math.Floor(math.Log10(y1)))
	for _, divide := range []float64{5, 2} {
		if y1/step < 4 {
			step /= map[float64]float64{5: 2, 2: 2.5}[divide]
		}
	}
	for i := 0; i < maxTicks && float64(i)*step <= y1; i++ {
		ticks = append(ticks, tick{float64(i) * step, fmt.Sprintf("%.4g", float64(i)*step)})
	}
	return ticks
}

// shareBar draws the parts of a whole beside each other, with a legend of their values.
type shareBar struct {
	title string
	parts []share
}

type share struct {
	name  string
	value float64
}

func (s shareBar) svg() string {
	total := 0.0
	for _, p := range s.parts {
		total += p.value
	}
	var b strings.Builder
	height := 64 + 18*len(s.parts)
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" role="img" aria-label="%s"><text class="title" x="0" y="16">%s</text>`,
		plotWidth, height, html.EscapeString(s.title), html.EscapeString(s.title))
	x := 0.0
	for i, p := range s.parts {
		w := p.value / total * plotWidth
		fmt.Fprintf(&b, `<rect class="part s%d" x="%.1f" y="26" width="%.1f" height="24"/>`, i%lineStyles, x, w)
		y := 68 + 18*i
		fmt.Fprintf(&b, `<rect class="part s%d" x="0" y="%d" width="12" height="12"/><text class="tick" x="20" y="%d">%s</text>`,
			i%lineStyles, y-10, y, html.EscapeString(fmt.Sprintf("%s: %s µs, %s", p.name, number(p.value), percent(p.value/total, 1))))
		x += w
	}
	b.WriteString(`</svg>`)
	return b.String()
}
