package awsapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"coffer.example/internal/awsapi/sigv4"
	"github.com/stretchr/testify/require"
)

var now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// keys is a Credentials with one permanent and some temporary keys.
type keys struct{}

func (keys) Lookup(_ context.Context, id, token string) (Credential, error) {
	root := Principal{Account: "111122223333", ARN: "arn:aws:iam::111122223333:root", UserID: "111122223333", Type: "Root"}
	switch {
	case id == "AKIDROOT" && token == "":
		return Credential{Secret: "secret", Principal: root}, nil
	case id == "AKIDROOT", id == "ASIATEMP" && token != "good" && token != "old":
		return Credential{}, ErrInvalidToken
	case id == "ASIATEMP" && token == "old":
		return Credential{}, ErrExpiredToken
	case id == "ASIATEMP":
		return Credential{Secret: "temporary", Principal: root}, nil
	case id == "AKIDFAIL":
		return Credential{}, errors.New("the store is gone")
	}
	return Credential{}, ErrUnknownKey
}

type echoInput struct {
	Text  string   `api:"Text,required" len:"1..8"`
	Names []string `api:"Names" len:"0..2"`
}

type echoOutput struct {
	Text   string          `json:"Text" xml:"text"`
	Region string          `json:"Region" xml:"region"`
	Names  Items[string]   `json:"-" xml:"nameSet"`
	Listed Members[string] `json:"-" xml:"Listed"`
}

var errDomain = errors.New("domain error")

// echoServices are one service per protocol, whose operations say back what they got.
func echoServices() []*Service {
	echo := func(_ context.Context, r *Request, in *echoInput) (any, error) {
		switch in.Text {
		case "panic":
			panic("with a secret")
		case "domain":
			return nil, errDomain
		case "internal":
			return nil, errors.New("broken")
		case "ready":
			return nil, &Error{Code: "NotFoundException", Message: "Key <x> & \"y\"", Status: 404, Members: map[string]string{"Reason": "WHY"}}
		case "nothing":
			return nil, nil
		}
		return &echoOutput{Text: in.Text, Region: r.Region, Listed: Members[string]{in.Names}}, nil
	}
	domain := func(err error) *Error {
		if errors.Is(err, errDomain) {
			return Errorf("DomainException", "in the domain")
		}
		return nil
	}
	ec2 := func(ctx context.Context, r *Request, _ any) (any, error) {
		in := echoInput{Text: r.Params.Required("Text"), Names: r.Params.Strings("Name")}
		r.Params.Int("Size", 0)
		if err := r.Params.Err(); err != nil {
			return nil, err
		}
		answer, err := echo(ctx, r, &in)
		if out, ok := answer.(*echoOutput); ok {
			out.Names.Item = in.Names
		}
		return answer, err
	}
	rest := func(_ context.Context, r *Request, _ any) (any, error) {
		switch r.Vars["Id"] {
		case "panic":
			panic(1)
		case "ready":
			return nil, &Error{Code: "ResourceNotFoundException", Message: "gone", Status: 404, Members: map[string]string{"Reason": "SNAPSHOT_NOT_FOUND"}}
		}
		return &RESTAnswer{Status: 201, Header: http.Header{"X-Amz-Length": {"5"}}, Body: append([]byte(r.Vars["Id"]+":"), r.Body...)}, nil
	}
	return []*Service{
		{Name: "kms", Protocol: JSON, TargetPrefix: "TrentService", MaxBody: 100, InternalCode: "KMSInternalException", Errors: domain,
			Operations: map[string]Operation{"Echo": Recorded(ReadOnly(Op(echo)))}},
		{Name: "sts", Protocol: Query, Namespace: "https://sts.amazonaws.com/doc/2011-06-15/", Version: "2011-06-15", QuerySigned: true,
			Errors: domain, Operations: map[string]Operation{"Echo": Op(echo)}},
		{Name: "iam", Protocol: Query, Namespace: "https://iam.amazonaws.com/doc/2010-05-08/", Version: "2010-05-08", Global: true,
			Operations: map[string]Operation{"Echo": Op(echo)}},
		{Name: "ec2", Protocol: EC2, Namespace: "http://ec2.amazonaws.com/doc/2016-11-15/", Version: "2016-11-15", QuerySigned: true,
			Errors: domain, Operations: map[string]Operation{"Echo": {Call: ec2}}},
		{Name: "ebs", Protocol: REST, InternalCode: "InternalServerException", Operations: map[string]Operation{
			"Put": {Call: rest, Route: "PUT /snapshots/{Id}/blocks/{Index}", UnsignedPayload: true},
			"Get": {Call: rest, Route: "GET /snapshots/{Id}"},
		}},
	}
}

// events is a Recorder that keeps the events, or fails.
type events struct {
	mu    sync.Mutex
	lines []string
	fail  bool
}

func (e *events) Record(_ context.Context, event []byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fail {
		return errors.New("disk full")
	}
	e.lines = append(e.lines, string(event))
	return nil
}

// last returns the newest event, decoded.
func (e *events) last(t *testing.T) map[string]any {
	e.mu.Lock()
	defer e.mu.Unlock()
	require.NotEmpty(t, e.lines)
	var m map[string]any
	require.NoError(t, json.Unmarshal([]byte(e.lines[len(e.lines)-1]), &m))
	return m
}

type fixture struct {
	front  *Front
	events *events
}

func newFixture() *fixture {
	e := &events{}
	return &fixture{events: e, front: New(Options{
		Services: echoServices(), Credentials: keys{}, Recorder: e, Hosts: []string{"coffer.test"},
		Now: func() time.Time { return now },
		Mounts: map[string]http.Handler{"/v2/": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v2/panic" {
				panic("x")
			}
			_, _ = io.WriteString(w, "registry")
		})},
	})}
}

// call is a request to make; zero values have defaults.
type call struct {
	service, region, method, path, body string
	header                              map[string]string
	key                                 sigv4.Key
	at                                  time.Time
	payloadHash                         string
	after                               func(r *http.Request) // changes the signed request
}

func (c call) request(t testing.TB) *http.Request {
	if c.method == "" {
		c.method = "POST"
	}
	if c.path == "" {
		c.path = "/"
	}
	if c.region == "" {
		c.region = "us-east-1"
	}
	if c.key.AccessKeyID == "" {
		c.key = sigv4.Key{AccessKeyID: "AKIDROOT", Secret: "secret"}
	}
	if c.at.IsZero() {
		c.at = now
	}
	if c.payloadHash == "" {
		c.payloadHash = sigv4.PayloadHash([]byte(c.body))
	}
	r := httptest.NewRequest(c.method, "http://localhost:4566"+c.path, strings.NewReader(c.body))
	r.Host = "localhost:4566"
	if c.service == "kms" {
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
		r.Header.Set("X-Amz-Target", "TrentService.Echo")
	}
	for name, value := range c.header {
		r.Header.Set(name, value)
	}
	require.NoError(t, sigv4.Sign(r, c.key, c.service, c.region, c.payloadHash, c.at))
	if c.after != nil {
		c.after(r)
	}
	return r
}

func (f *fixture) do(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	f.front.ServeHTTP(w, r)
	return w
}

func kmsCall(body string) call { return call{service: "kms", body: body} }
func sts(params string) call   { return call{service: "sts", body: "Version=2011-06-15&" + params} }
func ec2(params string) call   { return call{service: "ec2", body: "Version=2016-11-15&" + params} }

func TestAnswers(t *testing.T) {
	f := newFixture()
	w := f.do(kmsCall(`{"Text":"<a>&"}`).request(t))
	require.Equal(t, 200, w.Code)
	require.Equal(t, `{"Text":"<a>&","Region":"us-east-1"}`, w.Body.String())
	require.Equal(t, "application/x-amz-json-1.1", w.Header().Get("Content-Type"))
	id := w.Header().Get("X-Amzn-Requestid")
	require.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, id)

	w = f.do(kmsCall(`{"Text":"nothing"}`).request(t))
	require.Equal(t, 200, w.Code)
	require.Empty(t, w.Body.String())

	w = f.do(sts("Action=Echo&Text=%3Ca%3E&Names.member.1=b").request(t))
	id = w.Header().Get("X-Amzn-Requestid")
	require.Equal(t, `<EchoResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><EchoResult><text>&lt;a&gt;</text><region>us-east-1</region>`+
		`<nameSet></nameSet><Listed><member>b</member></Listed></EchoResult><ResponseMetadata><RequestId>`+id+`</RequestId></ResponseMetadata></EchoResponse>`, w.Body.String())
	w = f.do(sts("Action=Echo&Text=nothing").request(t))
	id = w.Header().Get("X-Amzn-Requestid")
	require.Equal(t, `<EchoResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><ResponseMetadata><RequestId>`+id+`</RequestId></ResponseMetadata></EchoResponse>`, w.Body.String())

	w = f.do(ec2("Action=Echo&Text=a&Name.1=x&Name.2=y").request(t))
	id = w.Header().Get("X-Amzn-Requestid")
	require.Equal(t, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+`<EchoResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>`+id+`</requestId>`+
		`<text>a</text><region>us-east-1</region><nameSet><item>x</item><item>y</item></nameSet><Listed><member>x</member><member>y</member></Listed></EchoResponse>`, w.Body.String())
	require.Equal(t, "text/xml;charset=UTF-8", w.Header().Get("Content-Type"))

	w = f.do(call{service: "iam", region: "eu-west-9", body: "Action=Echo&Text=a"}.request(t))
	require.Contains(t, w.Body.String(), "<region>us-east-1</region>", "IAM has no Regions")

	w = f.do(call{service: "ebs", method: "PUT", path: "/snapshots/snap-1%2f/blocks/7", body: "data"}.request(t))
	require.Equal(t, 201, w.Code)
	require.Equal(t, "snap-1/:data", w.Body.String())
	require.Equal(t, "5", w.Header().Get("X-Amz-Length"))

	w = f.do(httptest.NewRequest("GET", "http://127.0.0.1:4566/v2/", nil))
	require.Equal(t, "registry", w.Body.String())
}

// protocolCall returns the same request in each protocol.
var protocolCalls = map[string]func() call{
	"json":  func() call { return kmsCall(`{"Text":"a"}`) },
	"query": func() call { return sts("Action=Echo&Text=a") },
	"ec2":   func() call { return ec2("Action=Echo&Text=a") },
	"rest":  func() call { return call{service: "ebs", method: "GET", path: "/snapshots/snap-1"} },
}

// TestAuthenticationErrors has, for every protocol, the code, status and message of
// every way in which a signature can fail.
func TestAuthenticationErrors(t *testing.T) {
	const mismatch = sigv4.MismatchMessage
	old := "Signature expired: 20260304T045106Z is now earlier than 20260304T045107Z (20260304T050607Z - 15 min.)"
	early := "Signature not yet current: 20260304T052108Z is still later than 20260304T052107Z (20260304T050607Z + 15 min.)"
	noCredential := "Authorization header requires 'Credential' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization=AWS4-HMAC-SHA256"
	type want struct {
		status  int
		code    string
		message string
	}
	for name, c := range map[string]struct {
		change                 func(c *call)
		json, query, ec2, rest want
	}{
		"missing": {
			func(c *call) { c.after = func(r *http.Request) { r.Header.Del("Authorization") } },
			want{400, "MissingAuthenticationTokenException", "Missing Authentication Token"},
			want{403, "MissingAuthenticationToken", "Request is missing Authentication Token"},
			want{403, "MissingAuthenticationToken", "Request is missing Authentication Token"},
			want{403, "MissingAuthenticationTokenException", "Missing Authentication Token"},
		},
		"unknown key": {
			func(c *call) { c.key = sigv4.Key{AccessKeyID: "AKIDNONE", Secret: "secret"} },
			want{400, "UnrecognizedClientException", "The security token included in the request is invalid."},
			want{403, "InvalidClientTokenId", "The security token included in the request is invalid."},
			want{401, "AuthFailure", "AWS was not able to validate the provided access credentials"},
			want{403, "UnrecognizedClientException", "The security token included in the request is invalid."},
		},
		"token of another key": {
			func(c *call) { c.key = sigv4.Key{AccessKeyID: "ASIATEMP", Secret: "temporary", SessionToken: "forged"} },
			want{400, "UnrecognizedClientException", "The security token included in the request is invalid."},
			want{403, "InvalidClientTokenId", "The security token included in the request is invalid."},
			want{401, "AuthFailure", "AWS was not able to validate the provided access credentials"},
			want{403, "UnrecognizedClientException", "The security token included in the request is invalid."},
		},
		"expired token": {
			func(c *call) { c.key = sigv4.Key{AccessKeyID: "ASIATEMP", Secret: "temporary", SessionToken: "old"} },
			want{400, "ExpiredTokenException", "The security token included in the request is expired"},
			want{403, "ExpiredToken", "The security token included in the request is expired"},
			want{400, "RequestExpired", "Request has expired."},
			want{403, "ExpiredTokenException", "The security token included in the request is expired"},
		},
		"wrong secret": {
			func(c *call) { c.key = sigv4.Key{AccessKeyID: "AKIDROOT", Secret: "guess"} },
			want{400, "InvalidSignatureException", mismatch},
			want{403, "SignatureDoesNotMatch", mismatch},
			want{401, "AuthFailure", "AWS was not able to validate the provided access credentials"},
			want{403, "InvalidSignatureException", mismatch},
		},
		"replayed with another body": {
			func(c *call) {
				c.after = func(r *http.Request) {
					r.Body, r.ContentLength = io.NopCloser(strings.NewReader(`{"Text":"b"}`)), 12
				}
			},
			want{400, "InvalidSignatureException", mismatch},
			want{403, "SignatureDoesNotMatch", mismatch},
			want{401, "AuthFailure", "AWS was not able to validate the provided access credentials"},
			want{403, "InvalidSignatureException", mismatch},
		},
		"claims the hash of another body": {
			func(c *call) { c.header = map[string]string{"X-Amz-Content-Sha256": sigv4.PayloadHash([]byte("x"))} },
			want{400, "InvalidSignatureException", mismatch},
			want{403, "SignatureDoesNotMatch", mismatch},
			want{401, "AuthFailure", "AWS was not able to validate the provided access credentials"},
			want{403, "InvalidSignatureException", mismatch},
		},
		"streaming payload": {
			func(c *call) {
				c.header = map[string]string{"X-Amz-Content-Sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}
				c.payloadHash = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
			},
			want{400, "IncompleteSignatureException", "The value STREAMING-AWS4-HMAC-SHA256-PAYLOAD of x-amz-content-sha256 is not supported by this operation."},
			want{400, "IncompleteSignature", "The value STREAMING-AWS4-HMAC-SHA256-PAYLOAD of x-amz-content-sha256 is not supported by this operation."},
			want{400, "IncompleteSignature", "The value STREAMING-AWS4-HMAC-SHA256-PAYLOAD of x-amz-content-sha256 is not supported by this operation."},
			want{403, "IncompleteSignatureException", "The value STREAMING-AWS4-HMAC-SHA256-PAYLOAD of x-amz-content-sha256 is not supported by this operation."},
		},
		"unsigned payload": {
			func(c *call) {
				c.header = map[string]string{"X-Amz-Content-Sha256": sigv4.UnsignedPayload}
				c.payloadHash = sigv4.UnsignedPayload
			},
			want{400, "IncompleteSignatureException", "The value UNSIGNED-PAYLOAD of x-amz-content-sha256 is not supported by this operation."},
			want{400, "IncompleteSignature", "The value UNSIGNED-PAYLOAD of x-amz-content-sha256 is not supported by this operation."},
			want{400, "IncompleteSignature", "The value UNSIGNED-PAYLOAD of x-amz-content-sha256 is not supported by this operation."},
			want{403, "IncompleteSignatureException", "The value UNSIGNED-PAYLOAD of x-amz-content-sha256 is not supported by this operation."},
		},
		"16 minutes old": {
			func(c *call) { c.at = now.Add(-15*time.Minute - time.Second) },
			want{400, "InvalidSignatureException", old},
			want{403, "SignatureDoesNotMatch", old},
			want{400, "RequestExpired", "Request has expired."},
			want{403, "InvalidSignatureException", old},
		},
		"16 minutes early": {
			func(c *call) { c.at = now.Add(15*time.Minute + time.Second) },
			want{400, "InvalidSignatureException", early},
			want{403, "SignatureDoesNotMatch", early},
			want{400, "RequestExpired", "Request has expired."},
			want{403, "InvalidSignatureException", early},
		},
		"incomplete": {
			func(c *call) {
				c.after = func(r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Signature=0") }
			},
			want{400, "IncompleteSignatureException", noCredential},
			want{400, "IncompleteSignature", noCredential},
			want{400, "IncompleteSignature", noCredential},
			want{403, "IncompleteSignatureException", noCredential},
		},
		"another target": {
			func(c *call) {
				c.after = func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "added") }
			},
			want{400, "InvalidSignatureException", "'x-amz-security-token' must be a 'SignedHeader' in the AWS Authorization."},
			want{403, "SignatureDoesNotMatch", "'x-amz-security-token' must be a 'SignedHeader' in the AWS Authorization."},
			want{401, "AuthFailure", "AWS was not able to validate the provided access credentials"},
			want{403, "InvalidSignatureException", "'x-amz-security-token' must be a 'SignedHeader' in the AWS Authorization."},
		},
		"no store": {
			func(c *call) { c.key = sigv4.Key{AccessKeyID: "AKIDFAIL", Secret: "x"} },
			want{500, "KMSInternalException", internal},
			want{500, "InternalFailure", internal},
			want{500, "InternalError", internal},
			want{500, "InternalServerException", internal},
		},
	} {
		wants := map[string]want{"json": c.json, "query": c.query, "ec2": c.ec2, "rest": c.rest}
		for protocol, make := range protocolCalls {
			t.Run(name+"/"+protocol, func(t *testing.T) {
				f := newFixture()
				request := make()
				c.change(&request)
				r := request.request(t)
				if name == "missing" && (protocol == "query" || protocol == "ec2") {
					r.URL.RawQuery = "Version=2011-06-15" // what tells the protocol without a scope
					if protocol == "ec2" {
						r.URL.RawQuery = "Version=2016-11-15"
					}
				}
				if name == "incomplete" && protocol == "ec2" {
					r.URL.RawQuery = "Version=2016-11-15"
				}
				w := f.do(r)
				expectError(t, w, protocol, wants[protocol].status, wants[protocol].code, wants[protocol].message)
				event := f.events.last(t)
				require.Equal(t, wants[protocol].code, event["errorCode"])
				require.Equal(t, wants[protocol].message, event["errorMessage"])
				require.Equal(t, "Unknown", event["userIdentity"].(map[string]any)["type"])
				require.Equal(t, w.Header().Get("X-Amzn-Requestid"), event["requestID"])
			})
		}
	}
}

// expectError checks an error in its protocol's form, byte for byte.
func expectError(t *testing.T, w *httptest.ResponseRecorder, protocol string, status int, code, message string) {
	t.Helper()
	require.Equal(t, status, w.Code)
	id := w.Header().Get("X-Amzn-Requestid")
	require.NotEmpty(t, id)
	kind := "Sender"
	if status >= 500 {
		kind = "Receiver"
	}
	var want string
	switch protocol {
	case "json":
		body, err := encodeJSON(map[string]string{"__type": code, "message": message})
		require.NoError(t, err)
		want = string(body)
	case "rest":
		body, err := encodeJSON(map[string]string{"Message": message})
		require.NoError(t, err)
		want = string(body)
		require.Equal(t, code, w.Header().Get("X-Amzn-Errortype"))
	case "query":
		want = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>` + kind + `</Type><Code>` + code + `</Code><Message>` + escape(message) +
			`</Message></Error><RequestId>` + id + `</RequestId></ErrorResponse>`
		want = strings.Replace(want, "https://sts.amazonaws.com/doc/2011-06-15/", namespaceOf(w.Body.String()), 1)
	case "ec2":
		want = xmlHeader + `<Response><Errors><Error><Code>` + code + `</Code><Message>` + escape(message) + `</Message></Error></Errors><RequestID>` + id + `</RequestID></Response>`
	}
	require.Equal(t, want, w.Body.String())
}

func namespaceOf(body string) string {
	_, rest, _ := strings.Cut(body, `xmlns="`)
	namespace, _, _ := strings.Cut(rest, `"`)
	return namespace
}

func TestTemporaryKey(t *testing.T) {
	f := newFixture()
	c := kmsCall(`{"Text":"a"}`)
	c.key = sigv4.Key{AccessKeyID: "ASIATEMP", Secret: "temporary", SessionToken: "good"}
	require.Equal(t, 200, f.do(c.request(t)).Code)
}

func TestUnsignedPayload(t *testing.T) {
	f := newFixture()
	c := call{service: "ebs", method: "PUT", path: "/snapshots/s/blocks/1", body: "data",
		header: map[string]string{"X-Amz-Content-Sha256": sigv4.UnsignedPayload}, payloadHash: sigv4.UnsignedPayload}
	require.Equal(t, 201, f.do(c.request(t)).Code, "the operation admits it")
}

func TestOperationErrors(t *testing.T) {
	for _, c := range []struct {
		name          string
		call          call
		protocol      string
		status        int
		code, message string
	}{
		{"no target", call{service: "kms", body: "{}", header: map[string]string{"X-Amz-Target": ""}}, "json", 400, "UnknownOperationException", "The request has no X-Amz-Target header."},
		{"unknown", call{service: "kms", body: "{}", header: map[string]string{"X-Amz-Target": "TrentService.Sign"}}, "json", 400, "UnknownOperationException", "The operation Sign is not known to this endpoint."},
		{"other prefix", call{service: "kms", body: "{}", header: map[string]string{"X-Amz-Target": "Other.Echo"}}, "json", 400, "UnknownOperationException", "The operation Other.Echo is not known to this endpoint."},
		{"GET", call{service: "kms", method: "GET"}, "json", 400, "UnknownOperationException", "The operation TrentService.Echo is not known to this endpoint."},
		{"empty body", kmsCall(""), "json", 400, "SerializationException", "The request body is not valid JSON: not a JSON value."},
		{"bad JSON", kmsCall(`{"Text":"a","Text":"b"}`), "json", 400, "SerializationException", "The request body is not valid JSON: a member name is given twice."},
		{"bad type", kmsCall(`{"Text":1}`), "json", 400, "SerializationException", "NUMBER_VALUE can not be converted to String"},
		{"wrong case", kmsCall(`{"text":"a"}`), "json", 400, "SerializationException", "Unexpected member: the name of Text is case-sensitive"},
		{"invalid", kmsCall(`{}`), "json", 400, "ValidationException", "1 validation error detected: Value null at 'text' failed to satisfy constraint: Member must not be null"},
		{"too large", kmsCall(`{"Text":"` + strings.Repeat("a", 100) + `"}`), "json", 413, "RequestEntityTooLargeException", "The request body is larger than the 100 bytes that are allowed."},
		{"panic", kmsCall(`{"Text":"panic"}`), "json", 500, "KMSInternalException", internal},
		{"internal", kmsCall(`{"Text":"internal"}`), "json", 500, "KMSInternalException", internal},
		{"domain", kmsCall(`{"Text":"domain"}`), "json", 400, "DomainException", "in the domain"},
		{"no action", sts("Text=a"), "query", 400, "MissingAction", "The request must contain the parameter Action"},
		{"unknown action", sts("Action=AssumeRole"), "query", 400, "InvalidAction", "Could not find operation AssumeRole for version 2011-06-15"},
		{"other version", call{service: "sts", body: "Action=Echo&Version=2000-01-01"}, "query", 400, "InvalidAction", "Could not find operation Echo for version 2000-01-01"},
		{"query invalid", sts("Action=Echo"), "query", 400, "ValidationError", "1 validation error detected: Value null at 'text' failed to satisfy constraint: Member must not be null"},
		{"query twice", sts("Action=Echo&Action=Echo"), "query", 400, "MalformedQueryString", "The query string is malformed: parameter given twice"},
		{"query panic", sts("Action=Echo&Text=panic"), "query", 500, "InternalFailure", internal},
		{"ec2 unknown action", ec2("Action=FlyToTheMoon"), "ec2", 400, "InvalidAction", "The action FlyToTheMoon is not valid for this web service."},
		{"ec2 missing", ec2("Action=Echo"), "ec2", 400, "MissingParameter", "The request must contain the parameter Text"},
		{"ec2 invalid", ec2("Action=Echo&Text=a&Size=x"), "ec2", 400, "InvalidParameterValue", "Value (x) for parameter Size is invalid. expected an integer"},
		{"ec2 unknown parameter", ec2("Action=Echo&Text=a&Name.x=1"), "ec2", 400, "UnknownParameter", "The parameter Name.x is not recognized"},
		{"ec2 ready", ec2("Action=Echo&Text=ready"), "ec2", 404, "NotFoundException", `Key <x> & "y"`},
		{"ec2 panic", ec2("Action=Echo&Text=panic"), "ec2", 500, "InternalError", internal},
		{"rest unknown", call{service: "ebs", method: "GET", path: "/nothing"}, "rest", 404, "UnknownOperationException", "No operation has this method and path."},
		{"rest dots", call{service: "ebs", method: "GET", path: "/snapshots/.."}, "rest", 404, "UnknownOperationException", "No operation has this method and path."},
		{"rest panic", call{service: "ebs", method: "GET", path: "/snapshots/panic"}, "rest", 500, "InternalServerException", internal},
		{"other service", call{service: "s3", method: "GET"}, "query", 400, "InvalidAction", "The service s3 is not served by this endpoint."},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture()
			expectError(t, f.do(c.call.request(t)), c.protocol, c.status, c.code, c.message)
		})
	}
	f := newFixture()
	w := f.do(kmsCall(`{"Text":"ready"}`).request(t))
	require.Equal(t, `{"Reason":"WHY","__type":"NotFoundException","message":"Key <x> & \"y\""}`, w.Body.String())
	w = f.do(call{service: "ebs", method: "GET", path: "/snapshots/ready"}.request(t))
	require.Equal(t, `{"Message":"gone","Reason":"SNAPSHOT_NOT_FOUND"}`, w.Body.String())
}

func TestHosts(t *testing.T) {
	for host, allowed := range map[string]bool{
		"localhost": true, "localhost:4566": true, "127.0.0.1:1": true, "[::1]:4566": true, "127.8.9.1": true, "LOCALHOST.": true,
		"111122223333.dkr.ecr.us-east-1.localhost:4566": true, "coffer.test": true, "x.coffer.test:80": true,
		"evil.example": false, "10.0.0.1": false, "notlocalhost": false, "coffer.test.evil": false, "": false,
	} {
		f := newFixture()
		c := kmsCall(`{"Text":"a"}`)
		r := c.request(t)
		r.Host = host
		require.NoError(t, sigv4.Sign(r, sigv4.Key{AccessKeyID: "AKIDROOT", Secret: "secret"}, "kms", "us-east-1", sigv4.PayloadHash([]byte(c.body)), now))
		r.Host = host
		w := f.do(r)
		require.Equal(t, allowed, w.Code == 200, "%q: %s", host, w.Body)
		v2 := httptest.NewRequest("GET", "http://x/v2/", nil)
		v2.Host = host
		require.Equal(t, allowed, f.do(v2).Body.String() == "registry", host)
	}
}

func TestQuerySigned(t *testing.T) {
	f := newFixture()
	for service, want := range map[string]string{
		"sts": "Could not find operation GetNothing for version 2011-06-15", // so the signature held
		"iam": "Requests to iam are signed in the Authorization header.",
	} {
		r := httptest.NewRequest("GET", "http://localhost/?Action=GetNothing&Version=2011-06-15"+
			"&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDROOT%2F20260304%2Fus-east-1%2F"+service+"%2Faws4_request"+
			"&X-Amz-Date=20260304T050607Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature="+presigned[service], nil)
		r.Host = "localhost"
		require.Contains(t, f.do(r).Body.String(), want)
	}
}

// presigned are signatures by botocore's SigV4QueryAuth of TestQuerySigned's request.
var presigned = map[string]string{"sts": "b9668cfd811a15c008abd0c668d9fc04eee215005eb54424f80b3d99057ab0a9", "iam": "00"}

func TestAudit(t *testing.T) {
	f := newFixture()
	f.do(ec2("Action=Echo&Text=a&UserData=c2VjcmV0&KmsKeyId=k&Password=p&NextToken=n&ClientToken=c").request(t))
	event := f.events.last(t)
	require.Equal(t, "Echo", event["eventName"])
	require.Equal(t, "ec2.amazonaws.com", event["eventSource"])
	require.Equal(t, "us-east-1", event["awsRegion"])
	require.Equal(t, "2026-03-04T05:06:07Z", event["eventTime"])
	require.Equal(t, map[string]any{"type": "Root", "principalId": "111122223333", "arn": "arn:aws:iam::111122223333:root",
		"accountId": "111122223333", "accessKeyId": "AKIDROOT"}, event["userIdentity"])
	const hidden = "HIDDEN_DUE_TO_SECURITY_REASONS"
	require.Equal(t, map[string]any{"text": "a", "userData": hidden, "password": hidden, "nextToken": hidden,
		"clientToken": "c", "kmsKeyId": "k"}, event["requestParameters"])

	before := len(f.events.lines)
	f.do(kmsCall(`{"Text":"a"}`).request(t))
	require.Len(t, f.events.lines, before, "kms records its calls itself")
	f.do(kmsCall(`{"Text":""}`).request(t))
	require.Len(t, f.events.lines, before+1, "but not what never became one")
	require.Equal(t, "ValidationException", f.events.last(t)["errorCode"])

	f.events.fail = true
	w := f.do(ec2("Action=Echo&Text=a").request(t))
	expectError(t, w, "ec2", 500, "InternalError", internal)
	require.NotContains(t, w.Body.String(), "<text>")
}

func TestMetrics(t *testing.T) {
	f := newFixture()
	f.do(kmsCall(`{"Text":"a"}`).request(t))
	f.do(kmsCall(`{"Text":"domain"}`).request(t))
	f.do(kmsCall(`{"Text":"panic"}`).request(t))
	f.do(httptest.NewRequest("GET", "http://localhost/v2/panic", nil))
	require.Equal(t, Metrics{Requests: 4, ClientErrors: 1, ServerErrors: 1, Panics: 2}, f.front.Metrics())
}

func TestTwoServicesOfOneName(t *testing.T) {
	require.Panics(t, func() { New(Options{Services: []*Service{{Name: "kms"}, {Name: "kms"}}}) })
}

func BenchmarkEcho(b *testing.B) {
	f := newFixture()
	body := []byte(`{"Text":"a"}`)
	r := kmsCall(string(body)).request(b)
	b.ReportAllocs()
	for b.Loop() {
		r.Body = io.NopCloser(bytes.NewReader(body))
		w := httptest.NewRecorder()
		f.front.ServeHTTP(w, r)
		if w.Code != 200 {
			b.Fatal(w.Body.String())
		}
	}
}
