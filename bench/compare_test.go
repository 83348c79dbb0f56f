package bench

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// noisy draws the times of one run: lognormal noise, now and then an interruption, and
// in some runs the slow mode of shared hosts for a stretch of rounds.
func noisy(r *rand.Rand, n int, cost float64) []float64 {
	s := make([]float64, n)
	for i := range s {
		s[i] = cost * math.Exp(0.02*r.NormFloat64())
		if r.IntN(20) == 0 {
			s[i] *= 1 + r.Float64()
		}
	}
	return s
}

func simulated(sample []float64) *Row {
	return &Row{Group: "g", Variant: "v", Wall: sample}
}

// TestNoDifferenceIsShownBetweenEqualRuns is the A/A test, for the fewest rounds and
// for the default.
func TestNoDifferenceIsShownBetweenEqualRuns(t *testing.T) {
	for _, n := range []int{MinRounds, DefaultRounds} {
		r := rand.New(rand.NewPCG(5, uint64(n)))
		none := 0
		for range 1000 {
			if compareRows(simulated(noisy(r, n, 900)), simulated(noisy(r, n, 900))).Verdict == NoDifference {
				none++
			}
		}
		require.GreaterOrEqual(t, none, 980, "%d rounds", n)
	}
}

func TestFivePercentIsFound(t *testing.T) {
	for _, n := range []int{MinRounds, DefaultRounds} {
		r := rand.New(rand.NewPCG(6, uint64(n)))
		slower, faster := 0, 0
		for range 1000 {
			c := compareRows(simulated(noisy(r, n, 900)), simulated(noisy(r, n, 945)))
			require.InDelta(t, 900.0/945, c.Ratio, 0.03)
			if c.Verdict == Slower {
				slower++
			}
			if compareRows(simulated(noisy(r, n, 945)), simulated(noisy(r, n, 900))).Verdict == Faster {
				faster++
			}
		}
		require.GreaterOrEqual(t, slower, 950, "%d rounds", n)
		require.GreaterOrEqual(t, faster, 950, "%d rounds", n)
	}
}

func testReport(rows ...Row) *Report {
	rep := &Report{Format: reportFormat, Kind: "aead", Settings: Settings{MinRounds, DefaultSlot, 1}, Rows: rows}
	for i := range rep.Rows {
		r := &rep.Rows[i]
		r.Cores = max(1, r.Cores)
		n := len(r.Wall)
		r.CPU, r.Ops = r.Wall, int64(n)*100
		r.Cycles, r.GHz = make([]float64, n), make([]float64, n)
		for k, w := range r.Wall {
			r.GHz[k], r.Cycles[k] = 3, 3*w
		}
	}
	return rep
}

func aeadRow(variant, path string, size int64, sample []float64) Row {
	return Row{Group: "AES-256-GCM/seal/out/" + sizeName(size) + "/1", Variant: variant, Path: path, Bytes: size, Wall: sample,
		Labels: map[string]string{LabelSuite: "AES-256-GCM", LabelOp: opSeal, LabelPlace: placeOut, LabelSize: "n", LabelCores: "1", LabelEngine: engineOurs, LabelCode: variant}}
}

func TestCompareMatchesHostsByPath(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	x86 := testReport(aeadRow("aes+pclmulqdq", "default", 4096, noisy(r, 20, 900)), aeadRow("aes", "no-pclmulqdq", 4096, noisy(r, 20, 20000)))
	arm := testReport(aeadRow("aes+pmull", "default", 4096, noisy(r, 20, 1500)))
	c, err := Compare(x86, arm, false)
	require.NoError(t, err)
	require.Len(t, c.Rows, 1)
	require.Equal(t, Slower, c.Rows[0].Verdict)
	require.Contains(t, c.Rows[0].Name, "aes+pclmulqdq : aes+pmull")
	require.Len(t, c.OnlyA, 1)
	require.Empty(t, c.OnlyB)
	require.Len(t, c.Regressions(0.95), 1)
	require.Empty(t, c.Regressions(0.5))
	var out strings.Builder
	require.NoError(t, c.WriteTable(&out))
	require.Contains(t, out.String(), "slower")
	require.Contains(t, out.String(), "only in A: AES-256-GCM/seal/out/4 KiB/1/aes")

	arm.Machine.Emulated = true
	_, err = Compare(x86, arm, false)
	require.ErrorIs(t, err, ErrEmulated)
	_, err = Compare(x86, arm, true)
	require.NoError(t, err)
}
