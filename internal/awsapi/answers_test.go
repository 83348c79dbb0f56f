package awsapi

import (
	"bytes"
	"io"
	"net/http/httptest"
	"testing"

	"coffer.example/internal/awsapi/sigv4"
	"github.com/stretchr/testify/require"
)

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
