package main

import (
	"fmt"
	"net/http"
	"net/http/pprof"
)

// adminHandler serves what an operator's monitoring asks: /metrics, /healthz (the
// process answers) and /readyz (it can also use its keys and its stores).
func adminHandler(metrics http.Handler, ready func() error, withProfiles bool) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	if withProfiles {
		addProfiles(mux)
	}
	return mux
}

// addProfiles serves the Go runtime's profiles. They show no keys (those are in locked memory
// outside the heap dump formats served here), but how the process spends its time and memory.
func addProfiles(mux *http.ServeMux) {
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
}
