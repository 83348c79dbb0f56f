package bench

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestBenchstatAgrees has what benchstat (golang.org/x/perf, 2026-09) prints for
// testdata/benchstat.txt, samples of a real run.
func TestBenchstatAgrees(t *testing.T) {
	want := map[string][2]string{ // median in ns, longer side of its interval
		"aes+pclmulqdq": {"861.0", "11%"}, "bare": {"850.5", "11%"}, "aes": {"20.79µ", "6%"}, "generic": {"35.12µ", "1%"}, "fips140": {"870.4", "15%"}}
	f, err := os.Open("testdata/benchstat.txt")
	require.NoError(t, err)
	defer f.Close()
	samples := map[string][]float64{}
	for s := bufio.NewScanner(f); s.Scan(); {
		if fields := strings.Fields(s.Text()); len(fields) == 4 {
			ns, err := strconv.ParseFloat(fields[2], 64)
			require.NoError(t, err)
			_, name, _ := strings.Cut(fields[0], "variant=")
			samples[name] = append(samples[name], ns)
		}
	}
	require.Len(t, samples, len(want))
	for name, sample := range samples {
		require.Len(t, sample, 20)
		s := Summarize(sample)
		median := fmt.Sprintf("%.1f", s.Median)
		if s.Median > 10_000 {
			median = fmt.Sprintf("%.2fµ", s.Median/1e3)
		}
		require.Equal(t, want[name], [2]string{median, fmt.Sprintf("%.0f%%", 100*spread(s))}, name)
	}
}
