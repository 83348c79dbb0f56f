package bench

import (
	"cmp"
	"fmt"
	"html"
	"slices"
	"strings"
)

// speedChart has a bar for the speed of each variant of a group, beside the fastest of it.
type speedChart struct {
	title    string
	variants []string // in the order of their colours
	groups   []speedGroup
}

type speedGroup struct {
	name string
	bars []share // values are speeds in the unit of the text
	text []string
}

const (
	speedLabels  = 190 // width of the names
	speedValues  = 110 // width of the figures
	speedBar     = 13
	speedHeading = 24
)

// speeds draws the groups that have more than one variant, and are of no suite or stage:
// those have plots of their own.
func (rep *Report) speeds() *speedChart {
	c := &speedChart{title: "speed of each, longer is faster"}
	for i := range rep.Rows {
		r := &rep.Rows[i]
		ns := r.Summary().Median
		if r.Labels[LabelSuite] != "" || r.Labels[LabelStage] != "" || ns <= 0 {
			continue
		}
		k := slices.IndexFunc(c.groups, func(g speedGroup) bool { return g.name == r.Group })
		if k < 0 {
			k = len(c.groups)
			c.groups = append(c.groups, speedGroup{name: r.Group})
		}
		g := &c.groups[k]
		g.bars = append(g.bars, share{r.Variant, 1e9 / ns})
		text := number(1e9/ns) + "/s"
		if r.Bytes > 0 {
			text = number(r.Throughput(ns)/1e6) + " MB/s"
		}
		g.text = append(g.text, text)
	}
	c.groups = slices.DeleteFunc(c.groups, func(g speedGroup) bool { return len(g.bars) < 2 })
	for _, g := range c.groups {
		for _, b := range g.bars {
			if !slices.Contains(c.variants, b.name) {
				c.variants = append(c.variants, b.name)
			}
		}
	}
	return c
}

func (c *speedChart) svg() string {
	height := 30
	for _, g := range c.groups {
		height += speedHeading + speedBar*len(g.bars)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" role="img" aria-label="%s"><text class="title" x="0" y="16">%s</text>`,
		plotWidth, height, html.EscapeString(c.title), html.EscapeString(c.title))
	y := 24
	for _, g := range c.groups {
		y += speedHeading
		fmt.Fprintf(&b, `<text x="0" y="%d">%s</text>`, y-6, html.EscapeString(g.name))
		fastest := slices.MaxFunc(g.bars, func(a, b share) int { return cmp.Compare(a.value, b.value) }).value
		for i, bar := range g.bars {
			style := slices.Index(c.variants, bar.name) % lineStyles
			width := bar.value / fastest * (plotWidth - speedLabels - speedValues)
			fmt.Fprintf(&b, `<text class="tick" text-anchor="end" x="%d" y="%d">%s</text><rect class="part s%d" x="%d" y="%d" width="%.1f" height="%d"/><text class="tick" x="%.1f" y="%d">%s</text>`,
				speedLabels-6, y+speedBar-3, html.EscapeString(bar.name), style, speedLabels, y+1, width, speedBar-2,
				speedLabels+width+6, y+speedBar-3, html.EscapeString(g.text[i]))
			y += speedBar
		}
	}
	b.WriteString(`</svg>`)
	return b.String()
}
