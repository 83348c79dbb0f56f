package bench

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"coffer.example/aead"
)

// plainSeal times sealing as one does it first, with one buffer in one loop, and
// returns nanoseconds per message.
func plainSeal(t *testing.T, size int) float64 {
	a, err := bareAEAD(aead.DefaultSuite(), make([]byte, 32))
	require.NoError(t, err)
	nonce, aad, src, dst := make([]byte, 12), make([]byte, 16), make([]byte, size), make([]byte, 0, size+16)
	n := 4 << 20 / size
	best := time.Hour
	for range MinRounds {
		start := time.Now()
		for range n {
			a.Seal(dst, nonce, src, aad)
		}
		best = min(best, time.Since(start))
	}
	return float64(best.Nanoseconds()) / float64(n)
}

// TestAgreesWithAPlainBenchmark compares the default path's best round with the best of
// as many plain loops, which other load disturbs least. A noisy machine gets some tries.
func TestAgreesWithAPlainBenchmark(t *testing.T) {
	if raceEnabled {
		return // its instrumentation is what would be measured
	}
	for _, size := range []int{4 << 10, 64 << 10} {
		ratio := 0.0
		for range 10 {
			rep, err := RunAEAD(context.Background(), AEADOptions{
				Options: Options{Rounds: MinRounds, Slot: time.Millisecond, Root: tree(nil)},
				Suites:  []aead.Suite{aead.DefaultSuite()}, Sizes: []int{size}, Cores: []int{1}, Ops: []string{opSeal}, Places: []string{placeOut}})
			require.NoError(t, err)
			ratio = rep.Rows[0].Summary().Best / plainSeal(t, size)
			t.Logf("%d bytes: %.3f", size, ratio)
			if ratio > 0.95 && ratio < 1.05 {
				break
			}
		}
		require.InDelta(t, 1, ratio, 0.05, "%d bytes", size)
	}
}
