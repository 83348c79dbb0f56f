package awsapi

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// hostSet holds the names that a request may have in its Host header. Refusing others
// keeps web pages from reaching a loopback port under a name of theirs (DNS rebinding).
type hostSet map[string]bool

func newHostSet(names []string) hostSet {
	s := hostSet{}
	for _, name := range names {
		s[strings.ToLower(name)] = true
	}
	return s
}

// allows admits loopback addresses, localhost and its subdomains, and the configured
// names with their subdomains (000000000000.dkr.ecr.us-east-1.NAME).
func (s hostSet) allows(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if addr, err := netip.ParseAddr(host); err == nil && addr.IsLoopback() {
		return true
	}
	for name := strings.TrimSuffix(host, "."); name != ""; {
		if name == "localhost" || s[name] {
			return true
		}
		var ok bool
		if _, name, ok = strings.Cut(name, "."); !ok {
			break
		}
	}
	return false
}

// CheckHost refuses requests whose Host header is neither a loopback name nor one of
// names (or below one), for handlers that do not stand behind a Front.
func CheckHost(next http.Handler, names []string) http.Handler {
	hosts := newHostSet(names)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !hosts.allows(r.Host) {
			http.Error(w, "unknown host", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// sourceIP returns the address a request came from.
func sourceIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
