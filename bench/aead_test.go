package bench

import (
	"context"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMain lets the test binary be its own child.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == ChildArg {
		os.Exit(ChildMain())
	}
	os.Exit(m.Run())
}

func TestKnownAnswersHere(t *testing.T) {
	n, err := KnownAnswers()
	require.NoError(t, err)
	require.Equal(t, 2*(521+2+1), n)
}

// TestRunAEAD starts every path of this architecture in a real child, checks that each
// took the switch and passed the known answers, and measures a little.
func TestRunAEAD(t *testing.T) {
	rep, err := RunAEAD(context.Background(), AEADOptions{
		Options: Options{Rounds: MinRounds, Slot: 100 * time.Microsecond},
		Sizes:   []int{4096}, Cores: []int{1}, Ops: []string{opOpen}, Places: []string{placeIn}})
	require.NoError(t, err)
	paths := AEADPaths(runtime.GOARCH)
	require.Len(t, rep.Paths, len(paths))
	effective := func(p PathReport, name string) bool {
		for _, f := range p.Features {
			if f.Name == name {
				return f.Effective
			}
		}
		return false
	}
	for _, p := range rep.Paths {
		require.Equal(t, 2*(521+2+1), p.KnownAnswers, p.Name)
		require.Equal(t, p.Name == "fips140", p.FIPS)
		if off, ok := map[string]string{"no-aes": "aes", "no-pclmulqdq": "pclmulqdq", "no-avx2": "avx2", "no-pmull": "pmull"}[p.Name]; ok {
			require.False(t, effective(p, off), p.Name)
		}
		if p.Name == "no-aes" {
			require.False(t, p.ConstantTimeAES)
		}
	}
	require.NotEmpty(t, rep.Rows)
	for i := range rep.Rows {
		r := &rep.Rows[i]
		require.Len(t, r.Wall, MinRounds)
		require.Positive(t, r.Summary().Best)
		require.Positive(t, r.BytesPerCycle())
		require.Same(t, rep.Base(r), rep.Base(rep.Base(r)))
		if r.Labels[LabelCode] != "generic" && r.Labels[LabelCode] != "aes" {
			require.Zero(t, r.Allocs, r.Name())
		}
	}
	require.Equal(t, 1.0, rep.Ratio(&rep.Rows[0]).Median)
}
