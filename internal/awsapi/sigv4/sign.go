package sigv4

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// Key is an access key, with its session token if it is a temporary one.
type Key struct {
	AccessKeyID  string
	Secret       string
	SessionToken string
}

// Sign signs a client's request in its Authorization header: the host, the content
// type and every x-amz-* header, over the payload hash.
func Sign(r *http.Request, key Key, service, region, payloadHash string, now time.Time) error {
	if r.Host == "" {
		r.Host = r.URL.Host
	}
	r.Header.Set("X-Amz-Date", stamp(now))
	if key.SessionToken != "" {
		r.Header.Set("X-Amz-Security-Token", key.SessionToken)
	}
	signed := []string{"host"}
	for name := range r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-amz-") || lower == "content-type" {
			signed = append(signed, lower)
		}
	}
	slices.Sort(signed)
	a := &Auth{
		Date: now.UTC().Format(dateLayout), Region: region, Service: service, Terminator: terminator,
		Time: now, signedHeaders: signed,
	}
	canonical, err := a.canonicalRequest(r, payloadHash)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", algorithm+
		" Credential="+key.AccessKeyID+"/"+a.Date+"/"+region+"/"+service+"/"+terminator+
		", SignedHeaders="+strings.Join(signed, ";")+
		", Signature="+a.sign(key.Secret, canonical))
	return nil
}
