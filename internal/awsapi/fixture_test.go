package awsapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
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
	r := httptest.NewRequest(c.method, "http://localhost:4566"+c.path, strings.NewReader(c.body))
	r.Host = "localhost:4566"
	if c.service == "kms" {
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
		r.Header.Set("X-Amz-Target", "TrentService.Echo")
	}
	for name, value := range c.header {
		r.Header.Set(name, value)
	}
	c.sign(t, r)
	if c.after != nil {
		c.after(r)
	}
	return r
}

// sign signs r with the call's key, time and payload hash.
func (c call) sign(t testing.TB, r *http.Request) {
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
	require.NoError(t, sigv4.Sign(r, c.key, c.service, c.region, c.payloadHash, c.at))
}

func (f *fixture) do(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	f.front.ServeHTTP(w, r)
	return w
}

func kmsCall(body string) call { return call{service: "kms", body: body} }

func sts(params string) call { return call{service: "sts", body: "Version=2011-06-15&" + params} }

func ec2(params string) call { return call{service: "ec2", body: "Version=2016-11-15&" + params} }
