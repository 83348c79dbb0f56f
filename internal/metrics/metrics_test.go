package metrics

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func scrape(t *testing.T, sources ...Source) (int, string) {
	t.Helper()
	handler, err := Handler(sources...)
	require.NoError(t, err)
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return answer.Code, answer.Body.String()
}

func TestSourcesArePulledAtEachScrape(t *testing.T) {
	requests := 0.0
	handler, err := Handler(func() Snapshot {
		requests++
		return Snapshot{
			Families: []Family{{
				Name: "coffer_requests_total", Help: "Requests.", Kind: Counter, Labels: []string{"service"},
				Samples: []Sample{{Labels: []string{"kms"}, Value: requests}},
			}},
			Histograms: []Histogram{{
				Name: "coffer_seconds", Help: "Seconds.", Count: 3, Sum: 1.5,
				Buckets: map[float64]uint64{0.5: 2, 1: 3},
			}},
		}
	})
	require.NoError(t, err)
	for _, want := range []string{`coffer_requests_total{service="kms"} 1`, `coffer_requests_total{service="kms"} 2`} {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		require.Contains(t, answer.Body.String(), want)
		require.Contains(t, answer.Body.String(), `coffer_seconds_bucket{le="0.5"} 2`)
		require.Contains(t, answer.Body.String(), "# TYPE coffer_requests_total counter")
	}
}

func TestRuntimeFiguresAreServed(t *testing.T) {
	status, body := scrape(t)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, "go_goroutines")
	require.Contains(t, body, "process_resident_memory_bytes")
}

func TestWrongLabelsFailTheScrape(t *testing.T) {
	status, _ := scrape(t, func() Snapshot {
		return Snapshot{Families: []Family{{Name: "coffer_x", Labels: []string{"a"}, Samples: []Sample{{Value: 1}}}}}
	})
	require.Equal(t, http.StatusInternalServerError, status)
}
