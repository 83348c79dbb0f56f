package bench

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// exampleReport has every kind of row that the outputs know.
func exampleReport() *Report {
	r := rand.New(rand.NewPCG(9, 9))
	rep := testReport(
		aeadRow("aes+pclmulqdq", "default", 4096, noisy(r, 20, 900)), aeadRow("generic", "no-aes", 4096, noisy(r, 20, 35000)),
		aeadRow("aes+pclmulqdq", "default", 65536, noisy(r, 20, 13000)), aeadRow("generic", "no-aes", 65536, noisy(r, 20, 550000)),
		Row{Group: "pipeline/write", Variant: `seal <"&'>`, Wall: noisy(r, 20, 1000), Labels: map[string]string{LabelStage: `seal <"&'>`, LabelOp: "write", LabelKey: "encrypted"}},
		Row{Group: "pipeline/write", Variant: "volume", Wall: noisy(r, 20, 5000), Latency: new(Histogram), Labels: map[string]string{LabelStage: "volume", LabelOp: "write", LabelKey: "encrypted"}},
		Row{Group: "a <load>", Variant: "one", Bytes: 4096, Wall: noisy(r, 20, 1000)}, Row{Group: "a <load>", Variant: "two", Bytes: 4096, Wall: noisy(r, 20, 3000)},
	)
	for range 1000 {
		rep.Rows[5].Latency.Add(int64(5000 * (1 + r.ExpFloat64())))
	}
	rep.Paths = []PathReport{{Name: "default", ConstantTimeAES: true}, {Name: "no-aes"}}
	rep.Machine = Machine{Host: `<script>alert("h")</script>`, CPU: "AMD EPYC", GOOS: "linux", GOARCH: "amd64", CPUs: 2, AES: AESUnit{"Zen 5", 2, 8, true}}
	rep.Warnings = []string{"a <b>warning</b>"}
	return rep
}

func TestReportSurvivesJSON(t *testing.T) {
	rep := exampleReport()
	var out strings.Builder
	require.NoError(t, rep.WriteJSON(&out))
	back, err := ReadReport(strings.NewReader(out.String()))
	require.NoError(t, err)
	require.Equal(t, rep, back)
	require.Equal(t, rep.Rows[5].Latency.Quantile(0.99), back.Rows[5].Latency.Quantile(0.99))
}

func TestReadReportRefuses(t *testing.T) {
	for name, change := range map[string]func(*Report){
		"format":           func(r *Report) { r.Format = "coffer-bench/2" },
		"no samples":       func(r *Report) { r.Rows[0].Wall = nil },
		"unequal samples":  func(r *Report) { r.Rows[0].CPU = r.Rows[0].CPU[1:] },
		"a time of zero":   func(r *Report) { r.Rows[0].Wall = make([]float64, 20) },
		"a negative time":  func(r *Report) { r.Rows[0].Wall[3] = -1 },
		"too many samples": func(r *Report) { r.Rows[0].Wall = make([]float64, MaxRounds+1) },
	} {
		rep := exampleReport()
		change(rep)
		var out strings.Builder
		require.NoError(t, rep.WriteJSON(&out))
		_, err := ReadReport(strings.NewReader(out.String()))
		require.ErrorIs(t, err, ErrFormat, name)
	}
	for _, s := range []string{"", "{}", "[]", `{"format":"coffer-bench/1","rows":[{"latency":{"buckets":[1]}}]}`, `{"format":"coffer-bench/1","rows":[{"latency":{"buckets":[99999,1]}}]}`} {
		_, err := ReadReport(strings.NewReader(s))
		require.ErrorIs(t, err, ErrFormat, s)
	}
}

func FuzzReadReport(f *testing.F) {
	var out strings.Builder
	require.NoError(f, exampleReport().WriteJSON(&out))
	f.Add([]byte(out.String()))
	f.Add([]byte(`{"format":"coffer-bench/1","kind":"x","rows":[{"group":"g","variant":"v","cores":1,"wall_ns":[1],"cpu_ns":[1],"cycles":[0],"ghz":[0]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		rep, err := ReadReport(strings.NewReader(string(b)))
		if err != nil {
			require.ErrorIs(t, err, ErrFormat)
			return
		}
		require.NoError(t, rep.WriteTable(io.Discard))
		require.NoError(t, rep.WriteText(io.Discard))
		require.NoError(t, WriteHTML(io.Discard, []*Report{rep, rep}, true))
		_, err = Compare(rep, rep, true)
		require.NoError(t, err)
	})
}

func TestTable(t *testing.T) {
	var out strings.Builder
	require.NoError(t, exampleReport().WriteTable(&out))
	for _, want := range []string{"AES-256-GCM seal, out of place, cores: 1", "not constant-time", "p99.9", "warning: a <b>", "Zen 5", "GB/s", "base"} {
		require.Contains(t, out.String(), want)
	}
}

// TestTextIsGoBenchmarkText checks every line against the format's grammar.
func TestTextIsGoBenchmarkText(t *testing.T) {
	var out strings.Builder
	require.NoError(t, exampleReport().WriteText(&out))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	result := regexp.MustCompile(`^Benchmark[A-Z]\S*-\d+\t\d+(\t[0-9.e+-]+ \S+)+$`)
	config := regexp.MustCompile(`^[a-z]+: `)
	results := 0
	for _, l := range lines {
		if result.MatchString(l) {
			results++
		} else {
			require.Regexp(t, config, l)
		}
	}
	require.Equal(t, 8*20, results)
}

// TestPage checks that the page needs nothing from elsewhere, runs nothing, names both
// colour schemes, escapes what it shows, and that its drawings are well-formed.
func TestPage(t *testing.T) {
	rep := exampleReport()
	var out strings.Builder
	require.NoError(t, WriteHTML(&out, []*Report{rep, rep}, false))
	page := out.String()
	for _, not := range []string{"<script", "src=", "href=", "http:", "https:", "url(", "@import", "<b>warning", "NaN", "Inf"} {
		require.NotContains(t, page, not)
	}
	require.Contains(t, page, "prefers-color-scheme:dark")
	require.Contains(t, page, "stroke-dasharray")
	drawings := regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(page, -1)
	require.GreaterOrEqual(t, len(drawings), 6)
	for _, svg := range drawings {
		for d := xml.NewDecoder(strings.NewReader(svg)); ; {
			_, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err, svg)
		}
	}
	var alone strings.Builder
	require.NoError(t, rep.WriteSVG(&alone))
	require.Contains(t, alone.String(), "prefers-color-scheme:dark")
	require.NoError(t, xml.Unmarshal([]byte(alone.String()), new(struct{ XMLName xml.Name })))
	require.ErrorIs(t, new(Report).WriteSVG(io.Discard), ErrNoPlot)
	rep.Machine.Emulated = true
	require.ErrorIs(t, WriteHTML(io.Discard, []*Report{rep}, false), ErrEmulated)
	require.NoError(t, WriteHTML(io.Discard, []*Report{rep}, true))
}

func TestHistogram(t *testing.T) {
	var h, o Histogram
	for i := range int64(10_000) {
		h.Add(i * 1000)
	}
	for _, q := range []float64{0.5, 0.9, 0.99, 0.999} {
		require.InEpsilon(t, q*10_000_000, h.Quantile(q), 0.04)
	}
	require.Equal(t, 9_999_000.0, h.Quantile(1))
	require.Zero(t, o.Quantile(0.5))
	o.Add(-5)
	o.Add(1 << 62)
	h.Merge(&o)
	require.Equal(t, uint64(10_002), h.Count())
	b, err := json.Marshal(&h)
	require.NoError(t, err)
	var back Histogram
	require.NoError(t, json.Unmarshal(b, &back))
	require.Equal(t, h, back)
	for i := range histogramBuckets - 1 {
		require.Equal(t, i, bucketOf(bucketHigh(i)), "bucket %d", i)
		require.Equal(t, i+1, bucketOf(bucketHigh(i)+1), "bucket %d", i)
	}
}
