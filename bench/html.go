package bench

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
)

//go:embed page.html
var pageTemplate string

//go:embed page.css
var pageStyle string

//go:embed plot.css
var plotStyle string

// page is what page.html shows.
type page struct {
	Title   string
	Style   template.CSS
	Across  []template.HTML
	Reports []reportPage
}

type reportPage struct {
	Kind, Host, Started string
	Facts               [][2]string
	Warnings, Notes     []string
	Plots               []template.HTML
	Sections            []section
}

// WriteHTML writes one page for one or many reports that needs no other file and no
// network: plots are SVG in the page, and readable on light and dark. Emulated reports
// are refused with ErrEmulated unless allowed.
func WriteHTML(w io.Writer, reports []*Report, allowEmulated bool) error {
	p := page{Title: "coffer bench", Style: template.CSS(plotStyle + pageStyle)}
	for _, rep := range reports {
		if rep.Machine.Emulated && !allowEmulated {
			return fmt.Errorf("%w: %s of %s", ErrEmulated, rep.Kind, rep.Started.Format("2006-01-02 15:04"))
		}
		p.Reports = append(p.Reports, rep.page())
	}
	if len(reports) > 1 {
		p.Across = across(reports)
	}
	t, err := template.New("page").Parse(pageTemplate)
	if err != nil {
		return err
	}
	return t.Execute(w, p)
}

// WriteSVG writes the report's first plot as a drawing that stands alone; ErrNoPlot if it has none.
func (rep *Report) WriteSVG(w io.Writer) error {
	plots := rep.plots()
	if len(plots) == 0 {
		return fmt.Errorf("%w: %s", ErrNoPlot, rep.Kind)
	}
	head, rest, _ := strings.Cut(plots[0], ">")
	_, err := fmt.Fprintf(w, "%s xmlns=\"http://www.w3.org/2000/svg\"><style>%s</style>%s\n", head, plotStyle, rest)
	return err
}

func (rep *Report) page() reportPage {
	p := reportPage{Kind: rep.Kind, Host: rep.Machine.Host, Started: rep.Started.Format("2006-01-02 15:04"),
		Facts: rep.Machine.facts(), Warnings: rep.Warnings, Notes: rep.notes(), Sections: rep.sections()}
	for _, path := range rep.Paths {
		p.Facts = append(p.Facts, [2]string{"path " + path.Name, path.describe()})
	}
	for _, s := range rep.plots() {
		p.Plots = append(p.Plots, template.HTML(s)) // svg.go escapes every text
	}
	return p
}

// across draws the default path of every host in one plot per suite and operation.
func across(reports []*Report) (svgs []template.HTML) {
	var suites, ops []string
	for _, rep := range reports {
		suites = append(suites, rep.labelValues(LabelSuite)...)
		ops = append(ops, rep.labelValues(LabelOp)...)
	}
	for _, suite := range unique(suites) {
		for _, op := range unique(ops) {
			p := &plot{title: fmt.Sprintf("%s %s, one core", suite, op), xLabel: "plaintext size", yLabel: "GB/s", logX: true}
			for i, rep := range reports {
				rep.addLines(p, fmt.Sprintf("%d %s, ", i+1, rep.Machine.Host), func(r *Row) bool {
					return r.Labels[LabelSuite] == suite && r.Labels[LabelOp] == op && r.Labels[LabelPlace] == placeOut &&
						r.Cores == 1 && r.Path == pathDefault && r.Labels[LabelEngine] == engineOurs
				})
			}
			if len(p.lines) > 0 {
				svgs = append(svgs, template.HTML(p.svg())) // svg.go escapes every text
			}
		}
	}
	return svgs
}

func unique(list []string) (u []string) {
	for _, s := range list {
		if !slices.Contains(u, s) {
			u = append(u, s)
		}
	}
	return u
}
