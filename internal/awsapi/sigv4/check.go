package sigv4

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// CheckTime checks the request's time, and the expiry of a signature in a query string, against now.
func (a *Auth) CheckTime(now time.Time) error {
	now = now.UTC().Truncate(time.Second)
	valid, why := MaxSkew, "15 min"
	if a.InQuery {
		valid, why = a.Expires, fmt.Sprintf("%d sec", int(a.Expires.Seconds()))
	}
	if oldest := now.Add(-valid); a.Time.Before(oldest) {
		return &Error{Expired, fmt.Sprintf("Signature expired: %s is now earlier than %s (%s - %s.)",
			stamp(a.Time), stamp(oldest), stamp(now), why)}
	}
	if latest := now.Add(MaxSkew); a.Time.After(latest) {
		return &Error{NotYet, fmt.Sprintf("Signature not yet current: %s is still later than %s (%s + 15 min.)",
			stamp(a.Time), stamp(latest), stamp(now))}
	}
	return nil
}

// CheckScope checks the credential scope: its terminator, its date against the request's time,
// and that it names a Region by its syntax. Which service it names is for the caller to route by.
func (a *Auth) CheckScope() error {
	var wrong []string
	if !validRegion(a.Region) {
		wrong = append(wrong, fmt.Sprintf("Credential should be scoped to a valid region, not '%s'.", a.Region))
	}
	if a.Terminator != terminator {
		wrong = append(wrong, fmt.Sprintf("Credential should be scoped with a valid terminator: 'aws4_request', not '%s'.", a.Terminator))
	}
	if date := a.Time.Format(dateLayout); date != a.Date {
		wrong = append(wrong, fmt.Sprintf("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%s', from '%s'.",
			a.Date, date, stamp(a.Time)))
	}
	if wrong != nil {
		return mismatch("%s", strings.Join(wrong, " "))
	}
	return nil
}

// CheckHeaders checks that every x-amz-* header of the request is signed.
func (a *Auth) CheckHeaders(header http.Header) error {
	var unsigned []string
	for name := range header {
		lower := strings.ToLower(name)
		if strings.HasPrefix(lower, "x-amz-") && !slices.Contains(a.signedHeaders, lower) {
			unsigned = append(unsigned, lower)
		}
	}
	if unsigned != nil {
		return mismatch("'%s' must be a 'SignedHeader' in the AWS Authorization.", slices.Min(unsigned))
	}
	return nil
}

// Signed says whether a header, named in lower case, is among the signed ones.
func (a *Auth) Signed(name string) bool { return slices.Contains(a.signedHeaders, name) }

func stamp(t time.Time) string { return t.UTC().Format(timeLayout) }

// validRegion admits names such as us-east-1 and us-gov-west-1: what may stand in an
// ARN and a storage key.
func validRegion(s string) bool {
	if s == "" || len(s) > 32 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}
