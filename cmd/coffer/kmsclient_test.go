package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"coffer.example/internal/awsapi/sigv4"
	"coffer.example/internal/testkit"
)

// kmsClient is a small client of the KMS for tests that make many calls: the AWS CLI
// takes a second for each.
type kmsClient struct {
	endpoint, region string
	key              sigv4.Key
	client           *http.Client
}

func newKMSClient(daemon *testkit.Daemon) *kmsClient {
	return &kmsClient{daemon.API, daemon.AWS.Region, sigv4.Key{AccessKeyID: daemon.AWS.AccessKeyID, Secret: daemon.AWS.SecretAccessKey},
		&http.Client{Timeout: testkit.ReadyTimeout}}
}

// refusedCall is an answer that is an error.
type refusedCall struct {
	Status  int    `json:"-"`
	Type    string `json:"__type"`
	Message string `json:"message"`
}

func (r *refusedCall) Error() string { return fmt.Sprintf("%d %s: %s", r.Status, r.Type, r.Message) }

type members = map[string]any

// call makes one request. A *refusedCall is the daemon's refusal; any other error says
// that the outcome is not known.
func (c *kmsClient) call(operation string, in members) (members, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequest(http.MethodPost, c.endpoint+"/", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "TrentService."+operation)
	if err := sigv4.Sign(r, c.key, "kms", c.region, sigv4.PayloadHash(body), time.Now()); err != nil {
		return nil, err
	}
	answer, err := c.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		refused := &refusedCall{Status: answer.StatusCode}
		return nil, join(refused, json.Unmarshal(text, refused))
	}
	out := members{}
	if len(text) == 0 {
		return out, nil
	}
	return out, json.Unmarshal(text, &out)
}

// join prefers an error of the second kind.
func join(refused *refusedCall, err error) error {
	if err != nil {
		return err
	}
	return refused
}

// must is call for requests that have to succeed.
func (c *kmsClient) must(t testing.TB, operation string, in members) members {
	t.Helper()
	out, err := c.call(operation, in)
	if err != nil {
		t.Fatalf("%s: %v", operation, err)
	}
	return out
}

// newKey makes a KMS key and returns its id.
func (c *kmsClient) newKey(t testing.TB) string {
	t.Helper()
	return c.must(t, "CreateKey", members{})["KeyMetadata"].(members)["KeyId"].(string)
}
