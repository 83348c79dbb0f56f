package main

import (
	"strings"

	"coffer.example/internal/audit"
	"coffer.example/internal/awsapi"
	"coffer.example/internal/metrics"
	"coffer.example/internal/nbd"
)

// metricSources turn the packages' counters into metrics, each scrape anew.
func (d *daemon) metricSources() []metrics.Source {
	return []metrics.Source{
		func() metrics.Snapshot { return nbdMetrics(d.blocks.Metrics()) },
		func() metrics.Snapshot {
			s, err := d.current()
			if err != nil {
				return metrics.Snapshot{}
			}
			families := apiMetrics(s.front.Metrics())
			store := s.store.Metrics()
			families = append(families, storeMetrics(store)...)
			families = append(families, trailMetrics(s.trail.Stats())...)
			return metrics.Snapshot{Families: families, Histograms: storeLatencies(store)}
		},
	}
}

func apiMetrics(m awsapi.Metrics) []metrics.Family {
	return []metrics.Family{
		single(metrics.Counter, "coffer_api_requests_total", "Requests to the AWS protocols.", float64(m.Requests)),
		single(metrics.Gauge, "coffer_api_in_flight", "Requests being answered.", float64(m.InFlight)),
		{
			Name: "coffer_api_errors_total", Help: "Requests answered with an error.", Kind: metrics.Counter, Labels: []string{"class"},
			Samples: []metrics.Sample{
				{Labels: []string{"4xx"}, Value: float64(m.ClientErrors)},
				{Labels: []string{"5xx"}, Value: float64(m.ServerErrors)},
			},
		},
		single(metrics.Counter, "coffer_api_panics_total", "Requests that panicked.", float64(m.Panics)),
	}
}

func nbdMetrics(m nbd.Metrics) metrics.Snapshot {
	requests := metrics.Family{Name: "coffer_nbd_requests_total", Help: "NBD requests executed.", Kind: metrics.Counter, Labels: []string{"op"}}
	failed := metrics.Family{Name: "coffer_nbd_errors_total", Help: "NBD requests that failed.", Kind: metrics.Counter, Labels: []string{"op"}}
	bytes := metrics.Family{Name: "coffer_nbd_bytes_total", Help: "Bytes of NBD requests that succeeded.", Kind: metrics.Counter, Labels: []string{"op"}}
	snapshot := metrics.Snapshot{Families: []metrics.Family{
		single(metrics.Gauge, "coffer_nbd_connections", "NBD connections.", float64(m.Connections)),
		single(metrics.Gauge, "coffer_nbd_in_flight_bytes", "Payload of NBD requests in flight.", float64(m.InFlightBytes)),
		single(metrics.Counter, "coffer_nbd_inline_total", "NBD requests that a connection's reader executed itself.", float64(m.Inline)),
		single(metrics.Counter, "coffer_nbd_started_total", "NBD reads whose device reads a connection's reader started.", float64(m.Started)),
		single(metrics.Counter, "coffer_nbd_refused_total", "NBD requests refused before they reached a volume.", float64(m.Refused)),
		ended(m),
	}}
	for _, op := range m.Ops {
		label := []string{strings.ToLower(op.Op.String())}
		requests.Samples = append(requests.Samples, metrics.Sample{Labels: label, Value: float64(op.Count)})
		failed.Samples = append(failed.Samples, metrics.Sample{Labels: label, Value: float64(op.Errors)})
		bytes.Samples = append(bytes.Samples, metrics.Sample{Labels: label, Value: float64(op.Bytes)})
		snapshot.Histograms = append(snapshot.Histograms, latency(label[0], op))
	}
	snapshot.Families = append(snapshot.Families, requests, failed, bytes)
	return snapshot
}

// ended counts connections that ended for a reason that an operator may want to know.
func ended(m nbd.Metrics) metrics.Family {
	family := metrics.Family{Name: "coffer_nbd_connection_failures_total", Help: "NBD connections that ended badly.", Kind: metrics.Counter, Labels: []string{"reason"}}
	for _, one := range []struct {
		reason string
		count  uint64
	}{
		{"limit", m.Rejected}, {"handshake", m.HandshakeFailures}, {"tls", m.TLSFailures},
		{"timeout", m.Timeouts}, {"protocol", m.ProtocolErrors},
	} {
		family.Samples = append(family.Samples, metrics.Sample{Labels: []string{one.reason}, Value: float64(one.count)})
	}
	return family
}

func latency(name string, op nbd.OpMetrics) metrics.Histogram {
	h := metrics.Histogram{
		Name: "coffer_nbd_" + name + "_seconds", Help: "Time from a request's header to its queued reply.",
		Count: op.Count, Sum: op.Latency.Sum.Seconds(), Buckets: map[float64]uint64{},
	}
	seen := uint64(0)
	for i, count := range op.Latency.Buckets {
		seen += count
		if bound := op.Latency.Bound(i); bound > 0 {
			h.Buckets[bound.Seconds()] = seen
		}
	}
	return h
}

func trailMetrics(m audit.Stats) []metrics.Family {
	return []metrics.Family{
		single(metrics.Counter, "coffer_audit_records_total", "Audit records written.", float64(m.Records)),
		single(metrics.Counter, "coffer_audit_bytes_total", "Bytes of audit records written.", float64(m.Bytes)),
		single(metrics.Counter, "coffer_audit_syncs_total", "Syncs of the audit trail.", float64(m.Syncs)),
		single(metrics.Counter, "coffer_audit_write_errors_total", "Audit records that could not be written.", float64(m.WriteErrors)),
		single(metrics.Counter, "coffer_audit_dropped_total", "Events without a record (--audit-on-error=drop).", float64(m.Dropped)),
		single(metrics.Gauge, "coffer_audit_failed", "1 if the audit trail has failed.", truth(m.Failed)),
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func single(kind metrics.Kind, name, help string, value float64) metrics.Family {
	return metrics.Family{Name: name, Help: help, Kind: kind, Samples: []metrics.Sample{{Value: value}}}
}
