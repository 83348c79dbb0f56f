package bench

import (
	"math"
	"slices"
)

// Confidence is the coverage of the intervals of medians and of ratios within a report.
const Confidence = 0.95

// Interval is a confidence interval. An interval that the sample is too small for is
// unbounded.
type Interval struct{ Low, High float64 }

// Contains says whether x lies within the interval.
func (i Interval) Contains(x float64) bool { return i.Low <= x && x <= i.High }

// Bounded says whether the sample was large enough for the interval.
func (i Interval) Bounded() bool { return !math.IsInf(i.Low, 0) && !math.IsInf(i.High, 0) }

// Summary describes a sample of costs, of which less is better.
type Summary struct {
	N       int
	Median  float64
	Best    float64  // the minimum
	MAD     float64  // median absolute deviation from the median
	CI      Interval // of the median, Confidence
	Bimodal bool     // two well separated modes: the median describes neither
}

// Summarize describes a sample; an empty one gives NaN.
func Summarize(sample []float64) Summary {
	s := slices.Sorted(slices.Values(sample))
	if len(s) == 0 {
		nan := math.NaN()
		return Summary{Median: nan, Best: nan, MAD: nan, CI: Interval{math.Inf(-1), math.Inf(1)}}
	}
	m := medianSorted(s)
	deviations := make([]float64, len(s))
	for i, x := range s {
		deviations[i] = math.Abs(x - m)
	}
	slices.Sort(deviations)
	return Summary{N: len(s), Median: m, Best: s[0], MAD: medianSorted(deviations), CI: medianCI(s), Bimodal: bimodal(s)}
}

// Median returns the median of a sample.
func Median(sample []float64) float64 {
	return medianSorted(slices.Sorted(slices.Values(sample)))
}

func medianSorted(s []float64) float64 {
	n := len(s)
	switch {
	case n == 0:
		return math.NaN()
	case n%2 == 1:
		return s[n/2]
	}
	return (s[n/2-1] + s[n/2]) / 2
}

// medianCI is the order-statistic interval: the number of samples below the median is
// binomial with p = 1/2 whatever the distribution, so [s(l), s(n+1-l)] covers the
// median with probability 1 - 2 P(B < l). l is the largest that keeps Confidence.
func medianCI(s []float64) Interval {
	l := 0
	for tail := 0.0; l < len(s)/2; l++ {
		if tail += binomialHalf(len(s), l); 1-2*tail < Confidence {
			break
		}
	}
	if l == 0 {
		return Interval{math.Inf(-1), math.Inf(1)}
	}
	return Interval{s[l-1], s[len(s)-l]}
}

// binomialHalf is P(B = k) for B binomial with n trials and p = 1/2.
func binomialHalf(n, k int) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return math.Exp(a - b - c - float64(n)*math.Ln2)
}

// Limits of the bimodality flag: each mode holds a fifth of the samples, the modes'
// means lie 5 % of the median apart, and that is five times their spread (Ashman's D;
// a normal distribution cut in two has 2.7, a uniform one 3.5).
const (
	modeShare      = 0.2
	modeSeparation = 0.05
	modeD          = 5
)

// bimodal splits a sorted sample in two where the variance within the parts is least
// and applies the limits above.
func bimodal(s []float64) bool {
	n := len(s)
	least := max(2, int(math.Ceil(modeShare*float64(n))))
	if n < 2*least {
		return false
	}
	cut, best := 0, math.Inf(1)
	for i := least; i <= n-least; i++ {
		_, a := meanVariance(s[:i])
		_, b := meanVariance(s[i:])
		if within := a*float64(i) + b*float64(n-i); within < best {
			cut, best = i, within
		}
	}
	m1, v1 := meanVariance(s[:cut])
	m2, v2 := meanVariance(s[cut:])
	separation := m2 - m1
	return separation > modeSeparation*medianSorted(s) && separation > modeD*math.Sqrt((v1+v2)/2)
}

func meanVariance(s []float64) (mean, variance float64) {
	for _, x := range s {
		mean += x
	}
	mean /= float64(len(s))
	for _, x := range s {
		variance += (x - mean) * (x - mean)
	}
	return mean, variance / float64(len(s))
}
