package awsapi

import (
	"net/http"
	"sync/atomic"
)

// Metrics are counts since the Front was made.
type Metrics struct {
	Requests     uint64
	InFlight     int64
	ClientErrors uint64 // answered with a status of 4xx
	ServerErrors uint64 // answered with a status of 5xx
	Panics       uint64
}

type counters struct {
	requests, clientErrors, serverErrors, panics atomic.Uint64
	inFlight                                     atomic.Int64
}

func (c *counters) refusal(e *Error) {
	if e.HTTPStatus() >= http.StatusInternalServerError {
		c.serverErrors.Add(1)
	} else {
		c.clientErrors.Add(1)
	}
}

// Metrics returns the counts.
func (f *Front) Metrics() Metrics {
	return Metrics{
		Requests:     f.counters.requests.Load(),
		InFlight:     f.counters.inFlight.Load(),
		ClientErrors: f.counters.clientErrors.Load(),
		ServerErrors: f.counters.serverErrors.Load(),
		Panics:       f.counters.panics.Load(),
	}
}
