package main

import (
	"net"
	"net/http"
	"slices"
	"strings"
)

// checkHost refuses requests whose Host is neither loopback nor configured, so that a
// web page whose name was rebound to 127.0.0.1 cannot reach the listener through a
// browser. A configured name stands for the names below it too.
func checkHost(next http.Handler, configured []string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !allowedHost(hostOnly(r.Host), configured) {
			http.Error(w, "unknown host; name it with --host", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func hostOnly(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		hostport = host
	}
	return strings.ToLower(strings.Trim(strings.TrimSuffix(hostport, "."), "[]"))
}

func allowedHost(host string, configured []string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() {
		return true
	}
	return slices.ContainsFunc(configured, func(name string) bool {
		name = strings.ToLower(name)
		return host == name || strings.HasSuffix(host, "."+name)
	})
}
