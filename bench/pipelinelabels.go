package bench

import "slices"

// Labels of the rows of a pipeline: each stage includes the ones before it.
const (
	LabelStage = "stage"
	LabelSeal  = "sealed" // encrypted, plain
)

// stageShares cuts a pipeline's last stage into what each stage adds.
func (rep *Report) stageShares() (bars []shareBar) {
	for _, op := range rep.labelValues(LabelOp) {
		for _, sealed := range rep.labelValues(LabelSeal) {
			bar := shareBar{title: op + ", " + sealed + ": what each stage adds"}
			before := 0.0
			for i := range rep.Rows {
				r := &rep.Rows[i]
				if r.Labels[LabelStage] == "" || r.Labels[LabelOp] != op || !slices.Contains([]string{sealed, ""}, r.Labels[LabelSeal]) {
					continue
				}
				us := r.Summary().Median / 1e3
				bar.parts = append(bar.parts, share{r.Labels[LabelStage], max(0, us-before)})
				before = max(before, us)
			}
			if len(bar.parts) > 1 {
				bars = append(bars, bar)
			}
		}
	}
	return bars
}
