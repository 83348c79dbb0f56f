package bench

import (
	"math"
	"slices"
)

// PairedRatio describes base/cost per round, so above 1 is faster than base. Both
// samples have one value per round, measured within milliseconds of each other, and
// that removes the drift of the machine.
func PairedRatio(base, cost []float64) Summary {
	n := min(len(base), len(cost))
	ratios := make([]float64, n)
	for i := range n {
		ratios[i] = base[i] / cost[i]
	}
	return Summarize(ratios)
}

// compareConfidence is the coverage of the interval of a ratio between reports. It is
// wider than Confidence: two runs of the same code never had quite the same machine.
const compareConfidence = 0.99

// shiftRatio estimates how much faster b is than a, two independent samples of costs:
// the median of all a[i]/b[j] (Hodges and Lehmann's estimator on a logarithmic scale)
// and the interval that inverting the Mann-Whitney test gives. No distribution is
// assumed but that the two differ by a factor.
func shiftRatio(a, b []float64) (ratio float64, ci Interval) {
	pairs := make([]float64, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			pairs = append(pairs, x/y)
		}
	}
	slices.Sort(pairs)
	n, m := float64(len(a)), float64(len(b))
	// The normal approximation of U's distribution, good from about 8 and 8 samples.
	z := math.Sqrt2 * math.Erfinv(compareConfidence)
	k := int(math.Floor(n*m/2 - z*math.Sqrt(n*m*(n+m+1)/12)))
	if k < 1 {
		return medianSorted(pairs), Interval{math.Inf(-1), math.Inf(1)}
	}
	return medianSorted(pairs), Interval{pairs[k-1], pairs[len(pairs)-k]}
}
