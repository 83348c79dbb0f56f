package kmsapi

import (
	"context"
	"encoding/json"
	"testing"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/awsapi/awsapitest"
	"github.com/stretchr/testify/require"
)

// events keeps audit events.
type events []map[string]any

func (e *events) Record(_ context.Context, line []byte) error {
	var event map[string]any
	if err := json.Unmarshal(line, &event); err != nil {
		return err
	}
	*e = append(*e, event)
	return nil
}

// TestOneEventPerRequest: a call is recorded by kms, what never became one by the front
// end, and nothing twice or not at all.
func TestOneEventPerRequest(t *testing.T) {
	k := newKMS(t)
	var recorded events
	k.SetRecorder(&recorded)
	front := awsapi.New(awsapi.Options{
		Services: []*awsapi.Service{New(k)}, Recorder: &recorded,
		Credentials: awsapitest.Keys{awsapitest.AccessKeyID: {Secret: awsapitest.Secret, Principal: awsapitest.Root(awsapitest.Account)}},
	})
	for _, c := range []struct{ operation, body, code string }{
		{"CreateKey", `{}`, ""},
		{"DescribeKey", `{"KeyId":"nothing"}`, "NotFoundException"},
		{"DescribeKey", `{"KeyId":""}`, "ValidationException"},
		{"DescribeKey", `{"KeyId":1}`, "SerializationException"},
		{"DescribeKey", `{`, "SerializationException"},
		{"GenerateDataKey", `{"KeyId":"nothing","KeySpec":"AES_256","Recipient":{}}`, "UnsupportedOperationException"},
		{"Sign", `{}`, "UnsupportedOperationException"},
		{"Dance", `{}`, "UnknownOperationException"},
		{"Decrypt", `{"CiphertextBlob":"AAAA"}`, "InvalidCiphertextException"},
	} {
		recorded = nil
		code, _ := raw(t, front, c.operation, c.body)
		require.Equal(t, c.code, code, c.operation)
		require.Len(t, recorded, 1, "%s %s", c.operation, c.body)
		event := recorded[0]
		require.Equal(t, c.operation, event["eventName"])
		require.Equal(t, "kms.amazonaws.com", event["eventSource"])
		require.Equal(t, "arn:aws:iam::111122223333:root", event["userIdentity"].(map[string]any)["arn"])
		require.NotEmpty(t, event["requestID"])
		if c.code == "" {
			require.NotContains(t, event, "errorCode")
		} else {
			require.Equal(t, c.code, event["errorCode"], "%s %s", c.operation, c.body)
		}
	}
}
