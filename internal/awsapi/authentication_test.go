package awsapi

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"coffer.example/internal/awsapi/sigv4"
	"github.com/stretchr/testify/require"
)

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
