package sigv4

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	terminator = "aws4_request"

	// timeLayout is ISO 8601 basic format, the only one SigV4 knows.
	timeLayout = "20060102T150405Z"
	dateLayout = "20060102"

	// MaxSkew is how far a request's time may be from the server's, either way.
	MaxSkew = 15 * time.Minute
	// MaxExpires is the longest life of a signature in a query string.
	MaxExpires = 7 * 24 * time.Hour
	// maxSignedHeaders bounds the list of signed headers; real clients sign about ten.
	maxSignedHeaders = 64
)

// Auth is the signature of a request, taken apart.
type Auth struct {
	AccessKeyID  string
	Date         string // of the scope, YYYYMMDD
	Region       string
	Service      string
	Terminator   string
	SessionToken string
	Time         time.Time
	InQuery      bool          // signed in the query string
	Expires      time.Duration // InQuery: how long it holds

	signedHeaders []string
	signature     string
}

// Parse takes the signature of a request apart. Errors are of type *Error.
func Parse(r *http.Request) (*Auth, error) {
	header, inHeader := r.Header["Authorization"]
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, incomplete("The query string contains a syntax error.")
	}
	inQuery := query.Has("X-Amz-Algorithm")
	switch {
	case inHeader && inQuery || len(header) > 1:
		return nil, mismatch("%s", MismatchMessage)
	case inHeader && strings.TrimSpace(header[0]) != "":
		return parseHeader(r, strings.TrimSpace(header[0]))
	case inQuery:
		return parseQuery(query)
	}
	return nil, &Error{Missing, "Request is missing Authentication Token"}
}

func parseHeader(r *http.Request, header string) (*Auth, error) {
	name, rest, _ := strings.Cut(header, " ")
	if name != algorithm {
		return nil, incomplete("Unsupported AWS 'algorithm': '%s'.", name)
	}
	params := map[string]string{}
	for pair := range strings.SplitSeq(rest, ",") {
		pair = strings.TrimSpace(pair)
		if pair == "" {
			continue
		}
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, incomplete("'%s' not a valid key=value pair (missing equal-sign) in Authorization header: '%s'.", pair, header)
		}
		params[key] = value
	}
	date := r.Header.Get("X-Amz-Date")
	if date == "" {
		date = r.Header.Get("Date")
	}
	var missing []string
	for _, name := range []string{"Credential", "Signature", "SignedHeaders"} {
		if params[name] == "" {
			missing = append(missing, "Authorization header requires '"+name+"' parameter.")
		}
	}
	if date == "" {
		missing = append(missing, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
	}
	if missing != nil {
		return nil, incomplete("%s Authorization=%s", strings.Join(missing, " "), name)
	}
	a := &Auth{SessionToken: r.Header.Get("X-Amz-Security-Token"), signature: params["Signature"]}
	return a, a.fill(params["Credential"], params["SignedHeaders"], date)
}

func parseQuery(query url.Values) (*Auth, error) {
	if name := query.Get("X-Amz-Algorithm"); name != algorithm {
		return nil, incomplete("Unsupported AWS 'algorithm': '%s'.", name)
	}
	var missing []string
	for _, name := range []string{"X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"} {
		switch values := query[name]; {
		case len(values) == 0 || values[0] == "":
			missing = append(missing, "AWS query-string parameters must include '"+name+"'.")
		case len(values) > 1:
			return nil, incomplete("Query-string parameter '%s' is given more than once.", name)
		}
	}
	if missing != nil {
		return nil, incomplete("%s Re-examine the query-string parameters.", strings.Join(missing, " "))
	}
	a := &Auth{InQuery: true, SessionToken: query.Get("X-Amz-Security-Token"), signature: query.Get("X-Amz-Signature")}
	// Services other than S3 let the expiry be left out; the ordinary window holds then.
	a.Expires = MaxSkew
	if text := query.Get("X-Amz-Expires"); text != "" {
		seconds, err := strconv.ParseUint(text, 10, 32)
		if err != nil || time.Duration(seconds)*time.Second > MaxExpires {
			return nil, incomplete("X-Amz-Expires must be a number of seconds between 0 and %d.", int(MaxExpires.Seconds()))
		}
		a.Expires = time.Duration(seconds) * time.Second
	}
	return a, a.fill(query.Get("X-Amz-Credential"), query.Get("X-Amz-SignedHeaders"), query.Get("X-Amz-Date"))
}

func (a *Auth) fill(credential, signedHeaders, date string) error {
	when, err := parseTime(date)
	if err != nil {
		return err
	}
	a.Time = when
	parts := strings.Split(credential, "/")
	if len(parts) != 5 || parts[0] == "" {
		return incomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '%s'", credential)
	}
	a.AccessKeyID, a.Date, a.Region, a.Service, a.Terminator = parts[0], parts[1], parts[2], parts[3], parts[4]
	a.signedHeaders = strings.Split(signedHeaders, ";")
	if len(a.signedHeaders) > maxSignedHeaders {
		return incomplete("More than %d signed headers.", maxSignedHeaders)
	}
	for i, name := range a.signedHeaders {
		if name == "" || name != strings.ToLower(name) || i > 0 && a.signedHeaders[i-1] >= name {
			return incomplete("SignedHeaders must be lower-case names in ascending order, each once.")
		}
	}
	if !slices.Contains(a.signedHeaders, "host") {
		return mismatch("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
	}
	return nil
}

// parseTime reads X-Amz-Date, or a Date header, which may also have HTTP's format.
func parseTime(date string) (time.Time, error) {
	if t, err := time.Parse(timeLayout, date); err == nil {
		return t, nil
	}
	if t, err := http.ParseTime(date); err == nil {
		return t.UTC(), nil
	}
	return time.Time{}, incomplete("Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601", date)
}
