// Package metrics serves the counters of the other packages in Prometheus' text
// format. It is the only importer of Prometheus, and it pulls: each package keeps
// plain counters and returns them as a value; a Source turns that value into
// Families when /metrics is asked. No package pushes, and no name or label carries
// a key, a context, a principal or anything else that a caller chose; resource ids
// (a KMS key, a volume) are not labels either, so the number of series is fixed.
package metrics

import (
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Kind says how a value behaves over time.
type Kind int

// The kinds of metric.
const (
	Counter Kind = iota // only rises while the process runs
	Gauge               // rises and falls
)

// Family is one metric with all its samples. Labels are fixed words, the same number for every sample.
type Family struct {
	Name    string // such as coffer_kms_requests_total
	Help    string
	Kind    Kind
	Labels  []string
	Samples []Sample
}

// Sample is one value, with the values of the family's labels in order.
type Sample struct {
	Labels []string
	Value  float64
}

// Histogram is a metric of durations or sizes. Buckets maps an upper bound to the count at or below it.
type Histogram struct {
	Name    string
	Help    string
	Count   uint64
	Sum     float64
	Buckets map[float64]uint64
}

// Snapshot is what a Source returns.
type Snapshot struct {
	Families   []Family
	Histograms []Histogram
}

// Source returns the current values of one package. It is called for each scrape and must not block.
type Source func() Snapshot

// Handler serves the sources, and the Go runtime's and the process's own figures.
func Handler(sources ...Source) (http.Handler, error) {
	registry := prometheus.NewRegistry()
	all := []prometheus.Collector{
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	}
	for _, source := range sources {
		all = append(all, pull(source))
	}
	for _, collector := range all {
		if err := registry.Register(collector); err != nil {
			return nil, fmt.Errorf("metrics: %w", err)
		}
	}
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes}), nil
}

// maxScrapes bounds concurrent scrapes; further ones get 503.
const maxScrapes = 4

// pull is a collector without a fixed list of metrics, as Prometheus allows.
type pull Source

// Describe sends nothing, which registers an unchecked collector.
func (pull) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector. A bad name or a wrong number of labels
// shows as an error of the scrape.
func (p pull) Collect(out chan<- prometheus.Metric) {
	snapshot := p()
	for _, family := range snapshot.Families {
		desc := prometheus.NewDesc(family.Name, family.Help, family.Labels, nil)
		for _, sample := range family.Samples {
			send(out, desc)(prometheus.NewConstMetric(desc, valueType(family.Kind), sample.Value, sample.Labels...))
		}
	}
	for _, h := range snapshot.Histograms {
		desc := prometheus.NewDesc(h.Name, h.Help, nil, nil)
		send(out, desc)(prometheus.NewConstHistogram(desc, h.Count, h.Sum, h.Buckets))
	}
}

func send(out chan<- prometheus.Metric, desc *prometheus.Desc) func(prometheus.Metric, error) {
	return func(metric prometheus.Metric, err error) {
		if err != nil {
			metric = prometheus.NewInvalidMetric(desc, err)
		}
		out <- metric
	}
}

func valueType(kind Kind) prometheus.ValueType {
	if kind == Counter {
		return prometheus.CounterValue
	}
	return prometheus.GaugeValue
}
