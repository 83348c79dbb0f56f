package sigv4

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const testSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

var testTime = time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)

// vector is a request as another implementation signed it; see testdata/vectors.py.
type vector struct {
	Name, Method, Target, Body string
	Headers                    map[string]string
}

func vectors(t testing.TB) []vector {
	data, err := os.ReadFile("testdata/vectors.json")
	require.NoError(t, err)
	var out []vector
	require.NoError(t, json.Unmarshal(data, &out))
	require.NotEmpty(t, out)
	return out
}

// request reads the vector the way a server does, so that paths and headers come as on the wire.
func (v vector) request(t testing.TB) *http.Request {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: example.amazonaws.com\r\n", v.Method, v.Target)
	for name, value := range v.Headers {
		if name != "Content-Length" {
			fmt.Fprintf(&b, "%s: %s\r\n", name, value)
		}
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(v.Body), v.Body)
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(b.String())))
	require.NoError(t, err, v.Name)
	return r
}

// verify does all a caller does.
func verify(r *http.Request, secret, body string, now time.Time) error {
	a, err := Parse(r)
	if err != nil {
		return err
	}
	if err := a.CheckTime(now); err != nil {
		return err
	}
	if err := a.CheckScope(); err != nil {
		return err
	}
	if err := a.CheckHeaders(r.Header); err != nil {
		return err
	}
	return a.Verify(r, secret, PayloadHash([]byte(body)))
}

func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			require.NoError(t, verify(v.request(t), testSecret, v.Body, testTime))

			refused := func(what string, r *http.Request, secret, body string) {
				var e *Error
				require.ErrorAs(t, verify(r, secret, body, testTime), &e, what)
				require.Equal(t, Mismatch, e.Problem, what)
			}
			refused("another secret", v.request(t), testSecret+"x", v.Body)
			refused("another body", v.request(t), testSecret, v.Body+"x")
			r := v.request(t)
			r.Method = "PUT"
			refused("another method", r, testSecret, v.Body)
			r = v.request(t)
			r.URL.Path, r.URL.RawPath = r.URL.Path+"/x", ""
			refused("another path", r, testSecret, v.Body)
			r = v.request(t)
			r.URL.RawQuery += "&x=y"
			refused("another query", r, testSecret, v.Body)
			r = v.request(t)
			r.Host = "other.amazonaws.com"
			refused("another host", r, testSecret, v.Body)
			r = v.request(t)
			r.Header.Set("X-Amz-Target", "TrentService.Decrypt")
			refused("another target", r, testSecret, v.Body)
			for name := range v.Headers {
				if name == "Authorization" || name == "Content-Length" || name == "X-Amz-Date" {
					continue
				}
				r = v.request(t)
				r.Header.Set(name, r.Header.Get(name)+"x")
				refused("another "+name, r, testSecret, v.Body)
			}
		})
	}
}

// The signatures that AWS publishes for these cases of its test suite, so that the
// vectors do not rest on botocore alone.
func TestPublishedSignatures(t *testing.T) {
	published := map[string]string{
		"get-vanilla":                      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
		"get-vanilla-query-order-key-case": "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
		"get-header-value-trim":            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
		"post-vanilla":                     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
	}
	for _, v := range vectors(t) {
		if want := published[v.Name]; want != "" {
			a, err := Parse(v.request(t))
			require.NoError(t, err)
			require.Equal(t, want, a.signature, v.Name)
			delete(published, v.Name)
		}
	}
	require.Empty(t, published)
}

func TestCheckTime(t *testing.T) {
	header := &Auth{Time: testTime}
	query := &Auth{Time: testTime, InQuery: true, Expires: time.Hour}
	for _, c := range []struct {
		auth  *Auth
		after time.Duration
		want  string
	}{
		{header, 0, ""},
		{header, 15 * time.Minute, ""},
		{header, -15 * time.Minute, ""},
		{header, 15*time.Minute + time.Second, "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T125101Z - 15 min.)"},
		{header, -15*time.Minute - time.Second, "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z (20150830T122059Z + 15 min.)"},
		{query, time.Hour, ""},
		{query, time.Hour + time.Second, "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T133601Z - 3600 sec.)"},
		{query, -time.Hour, "Signature not yet current: 20150830T123600Z is still later than 20150830T115100Z (20150830T113600Z + 15 min.)"},
	} {
		err := c.auth.CheckTime(testTime.Add(c.after))
		if c.want == "" {
			require.NoError(t, err)
			continue
		}
		var e *Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, c.want, e.Message)
	}
}

func TestRefusals(t *testing.T) {
	const good = "AWS4-HMAC-SHA256 Credential=AK/20150830/us-east-1/kms/aws4_request, SignedHeaders=host;x-amz-date, Signature=00"
	edit := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	for name, c := range map[string]struct {
		authorization, date, target string
		problem                     Problem
		message                     string
	}{
		"none":           {"", "20150830T123600Z", "/", Missing, "Request is missing Authentication Token"},
		"algorithm":      {edit("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), "20150830T123600Z", "/", Incomplete, "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'."},
		"not a pair":     {good + ", x", "20150830T123600Z", "/", Incomplete, "'x' not a valid key=value pair (missing equal-sign) in Authorization header: '" + good + ", x'."},
		"nothing else":   {"AWS4-HMAC-SHA256", "", "/", Incomplete, "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=AWS4-HMAC-SHA256"},
		"no date":        {good, "", "/", Incomplete, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=AWS4-HMAC-SHA256"},
		"bad date":       {good, "yesterday", "/", Incomplete, "Date must be in ISO-8601 'basic format'. Got 'yesterday'. See http://en.wikipedia.org/wiki/ISO_8601"},
		"short scope":    {edit("/us-east-1", ""), "20150830T123600Z", "/", Incomplete, "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'AK/20150830/kms/aws4_request'"},
		"unsorted":       {edit("host;x-amz-date", "x-amz-date;host"), "20150830T123600Z", "/", Incomplete, "SignedHeaders must be lower-case names in ascending order, each once."},
		"upper case":     {edit("host;", "Host;"), "20150830T123600Z", "/", Incomplete, "SignedHeaders must be lower-case names in ascending order, each once."},
		"host unsigned":  {edit("host;", ""), "20150830T123600Z", "/", Mismatch, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."},
		"date unsigned":  {edit(";x-amz-date", ""), "20150830T123600Z", "/", Mismatch, "'x-amz-date' must be a 'SignedHeader' in the AWS Authorization."},
		"terminator":     {edit("aws4_request", "aws5"), "20150830T123600Z", "/", Mismatch, "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5'."},
		"region":         {edit("us-east-1", "US East"), "20150830T123600Z", "/", Mismatch, "Credential should be scoped to a valid region, not 'US East'."},
		"date of scope":  {edit("20150830", "20150829"), "20150830T123600Z", "/", Mismatch, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20150829' != '20150830', from '20150830T123600Z'."},
		"absent header":  {edit("host;", "accept;host;"), "20150830T123600Z", "/", Mismatch, MismatchMessage},
		"both":           {good, "20150830T123600Z", "/?X-Amz-Algorithm=AWS4-HMAC-SHA256", Mismatch, MismatchMessage},
		"query, nothing": {"", "", "/?X-Amz-Algorithm=AWS4-HMAC-SHA256", Incomplete, "AWS query-string parameters must include 'X-Amz-Credential'. AWS query-string parameters must include 'X-Amz-Signature'. AWS query-string parameters must include 'X-Amz-SignedHeaders'. AWS query-string parameters must include 'X-Amz-Date'. Re-examine the query-string parameters."},
		"query, twice":   {"", "", "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a&X-Amz-Credential=b", Incomplete, "Query-string parameter 'X-Amz-Credential' is given more than once."},
		"query, expires": {"", "", "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a&X-Amz-Signature=b&X-Amz-SignedHeaders=host&X-Amz-Date=20150830T123600Z&X-Amz-Expires=604801", Incomplete, "X-Amz-Expires must be a number of seconds between 0 and 604800."},
		"query, syntax":  {"", "", "/?a=%zz", Incomplete, "The query string contains a syntax error."},
		"good":           {good, "20150830T123600Z", "/", Mismatch, MismatchMessage},
	} {
		t.Run(name, func(t *testing.T) {
			v := vector{Method: "POST", Target: c.target, Headers: map[string]string{}}
			if c.authorization != "" {
				v.Headers["Authorization"] = c.authorization
			}
			if c.date != "" {
				v.Headers["X-Amz-Date"] = c.date
			}
			var e *Error
			require.ErrorAs(t, verify(v.request(t), testSecret, "", testTime), &e)
			require.Equal(t, c.problem, e.Problem)
			require.Equal(t, c.message, e.Message)
		})
	}
}

func TestParseTime(t *testing.T) {
	for _, text := range []string{"20150830T123600Z", "Sun, 30 Aug 2015 12:36:00 GMT"} {
		got, err := parseTime(text)
		require.NoError(t, err)
		require.True(t, got.Equal(testTime), text)
	}
}

func TestCanonicalPath(t *testing.T) {
	for path, want := range map[string]string{
		"": "/", "/": "/", "//": "/", "/..": "/", "/a/../..//b/": "/b/", "/a%20b": "/a%2520b", "/./a/.": "/a",
	} {
		require.Equal(t, want, canonicalPath(path), path)
	}
}

func FuzzParse(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.Method, v.Target, v.Headers["Authorization"], v.Headers["X-Amz-Date"])
	}
	f.Add("GET", "/a/../b?x=%", "AWS4-HMAC-SHA256 Credential=////,SignedHeaders=host;;,Signature", "")
	f.Fuzz(func(t *testing.T, method, target, authorization, date string) {
		text := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: h\r\nAuthorization: %s\r\nX-Amz-Date: %s\r\n\r\n", method, target, authorization, date)
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
		if err != nil {
			return
		}
		// The vectors' secret is not ours: nothing may verify, and every refusal is typed.
		err = verify(r, "not the secret", "", testTime)
		var e *Error
		if !errors.As(err, &e) || e.Message == "" {
			t.Fatalf("got %v", err)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	for _, v := range vectors(b) {
		if v.Name != "post-json-target" {
			continue
		}
		r := v.request(b)
		b.ReportAllocs()
		for b.Loop() {
			if err := verify(r, testSecret, v.Body, testTime); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func TestSign(t *testing.T) {
	r, err := http.NewRequest("POST", "https://kms.us-east-1.amazonaws.com/a%20b?x=y", strings.NewReader("{}"))
	require.NoError(t, err)
	r.Header.Set("X-Amz-Target", "TrentService.ListKeys")
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	require.NoError(t, Sign(r, Key{"AK", testSecret, "token"}, "kms", "us-east-1", PayloadHash([]byte("{}")), testTime))
	require.NoError(t, verify(r, testSecret, "{}", testTime))
	require.Error(t, verify(r, testSecret, "{ }", testTime))
}
