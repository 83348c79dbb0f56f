package bench

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSummaryOfKnownSamples(t *testing.T) {
	s := Summarize([]float64{9, 1, 8, 2, 7, 3, 6, 4, 5})
	require.Equal(t, 9, s.N)
	require.Equal(t, 5.0, s.Median)
	require.Equal(t, 1.0, s.Best)
	require.Equal(t, 2.0, s.MAD)
	require.Equal(t, Interval{2, 8}, s.CI) // 1 - 2*(1+9)/512 = 0.961
	require.Equal(t, 2.5, Median([]float64{4, 1, 2, 3}))

	require.True(t, math.IsNaN(Summarize(nil).Median))
	require.False(t, Summarize([]float64{1, 2, 3, 4, 5}).CI.Bounded(), "1 - 2/32 < 0.95")
	require.Equal(t, Interval{1, 6}, Summarize([]float64{1, 2, 3, 4, 5, 6}).CI)
}

// TestMedianCIRanks has the ranks of the tables of nonparametric statistics: the
// largest l with P(B < l) <= 0.025.
func TestMedianCIRanks(t *testing.T) {
	for n, l := range map[int]int{6: 1, 8: 1, 9: 2, 10: 2, 12: 3, 15: 4, 20: 6, 25: 8, 30: 10, 41: 14, 50: 18, 100: 40} {
		s := make([]float64, n)
		for i := range s {
			s[i] = float64(i + 1)
		}
		require.Equal(t, Interval{float64(l), float64(n + 1 - l)}, Summarize(s).CI, "n = %d", n)
	}
}

func TestMedianCICovers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	covered := 0
	for range 2000 {
		s := make([]float64, 20)
		for i := range s {
			s[i] = r.ExpFloat64()
		}
		if Summarize(s).CI.Contains(math.Ln2) {
			covered++
		}
	}
	require.GreaterOrEqual(t, covered, 1900)
}

func TestBimodal(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	flagged := func(draw func(i int) float64) (count int) {
		for range 200 {
			s := make([]float64, 30)
			for i := range s {
				s[i] = draw(i)
			}
			if Summarize(s).Bimodal {
				count++
			}
		}
		return count
	}
	require.LessOrEqual(t, flagged(func(int) float64 { return 100 + 10*r.NormFloat64() }), 4)
	require.LessOrEqual(t, flagged(func(int) float64 { return 100 + 50*r.Float64() }), 12)
	require.LessOrEqual(t, flagged(func(int) float64 { return 100 + 10*r.ExpFloat64() }), 4)
	require.GreaterOrEqual(t, flagged(func(i int) float64 { return 100 + 50*float64(i%2) + 2*r.NormFloat64() }), 198)
	require.Zero(t, flagged(func(i int) float64 { return 100 + 2*float64(i%2) + 0.1*r.NormFloat64() }), "2 % apart is not worth a warning")
	require.Zero(t, flagged(func(i int) float64 { return 100 + float64(i/29)*1000 + r.NormFloat64() }), "one outlier is no mode")
	require.False(t, Summarize([]float64{1, 1, 1, 1, 1, 1}).Bimodal)
}

func TestPairedRatioRemovesDrift(t *testing.T) {
	var base, cost []float64
	for i := range 30 {
		drift := 1 + 0.5*float64(i)/30
		base, cost = append(base, 100*drift), append(cost, 125*drift)
	}
	s := PairedRatio(base, cost)
	require.InDelta(t, 0.8, s.Median, 1e-9)
	require.InDelta(t, 0.8, s.CI.Low, 1e-9)
	require.InDelta(t, 0.8, s.CI.High, 1e-9)
}

func TestShiftRatioOfKnownSamples(t *testing.T) {
	a := []float64{10, 11, 12, 13, 14, 15, 16, 17, 18, 19}
	b := make([]float64, len(a))
	for i := range a {
		b[i] = a[i] / 2
	}
	ratio, ci := shiftRatio(a, b)
	require.InDelta(t, 2, ratio, 1e-9)
	require.True(t, ci.Contains(2))
	require.Greater(t, ci.Low, 1.4)
	_, ci = shiftRatio(a[:3], b[:3])
	require.False(t, ci.Bounded())
}
