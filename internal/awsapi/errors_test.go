package awsapi

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

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
		{"ec2 invalid", ec2("Action=Echo&Text=a&Size=x"), "ec2", 400, "InvalidParameterValue", "Value (x) for parameter size is invalid. Expected an integer."},
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
