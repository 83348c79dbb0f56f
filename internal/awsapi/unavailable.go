package awsapi

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Unavailable answers every request with the internal failure of the service it names,
// status 500 or, for paths that are no AWS protocol, 503: for a process that cannot use
// its keys yet, so that it can check no signature either. Clients retry on such answers.
func Unavailable(hosts []string, reason func() error) http.Handler {
	allowed := newHostSet(hosts)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !allowed.allows(r.Host) {
			http.Error(w, "unknown host", http.StatusMisdirectedRequest)
			return
		}
		service := scopeService(r)
		if service == nil {
			http.Error(w, reason().Error(), http.StatusServiceUnavailable)
			return
		}
		var id [16]byte
		if _, err := io.ReadFull(rand.Reader, id[:]); err != nil {
			http.Error(w, "internal failure", http.StatusInternalServerError)
			return
		}
		requestID := fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
		w.Header().Set("X-Amzn-RequestId", requestID)
		failure := internalError(service)
		failure.Message = reason().Error()
		encodeError(service, requestID, failure).write(w)
	})
}

// scopeService is the protocol of the service that an unverified request is signed for.
func scopeService(r *http.Request) *Service {
	_, credential, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	credential, _, _ = strings.Cut(credential, ",")
	scope := strings.Split(credential, "/")
	switch {
	case strings.HasPrefix(r.Header.Get("X-Amz-Target"), "TrentService."):
		return &Service{Protocol: JSON, InternalCode: "KMSInternalException"}
	case len(scope) < 5:
		return nil
	}
	switch scope[len(scope)-2] {
	case "kms":
		return &Service{Protocol: JSON, InternalCode: "KMSInternalException"}
	case "ec2":
		return &Service{Protocol: EC2}
	case "ebs":
		return &Service{Protocol: REST}
	}
	return unknownService(r)
}
