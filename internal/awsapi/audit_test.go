package awsapi

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

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

func TestAuditOfASession(t *testing.T) {
	r := &Request{Principal: Principal{
		Account: "111122223333", ARN: "arn:aws:sts::111122223333:assumed-role/r/s", RoleARN: "arn:aws:iam::111122223333:role/path/r",
		UserID: "AROAEXAMPLE:s", UserName: "r", Type: "AssumedRole", SessionStarted: now,
	}, AccessKeyID: "ASIATEMP"}
	got, err := json.Marshal(userIdentity(r))
	require.NoError(t, err)
	require.JSONEq(t, `{"type":"AssumedRole","principalId":"AROAEXAMPLE:s","arn":"arn:aws:sts::111122223333:assumed-role/r/s",
		"accountId":"111122223333","accessKeyId":"ASIATEMP","sessionContext":{
			"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLE","arn":"arn:aws:iam::111122223333:role/path/r","accountId":"111122223333","userName":"r"},
			"attributes":{"creationDate":"2026-03-04T05:06:07Z","mfaAuthenticated":"false"}}}`, string(got))
}
