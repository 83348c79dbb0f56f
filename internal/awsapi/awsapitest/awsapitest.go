// Package awsapitest helps the tests of the packages that build services: a front end
// with one account, and requests signed by its key. Only tests import it.
package awsapitest

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/awsapi/sigv4"
	"coffer.example/internal/testkit"
)

// The account of Front and the access key of its root.
const (
	Account     = "111122223333"
	AccessKeyID = "AKIAIOSFODNN7EXAMPLE"
	Secret      = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
)

// Keys maps access key ids to credentials; it is a Credentials.
type Keys map[string]awsapi.Credential

// Lookup implements awsapi.Credentials.
func (k Keys) Lookup(_ context.Context, accessKeyID, sessionToken string) (awsapi.Credential, error) {
	c, ok := k[accessKeyID]
	switch {
	case !ok:
		return awsapi.Credential{}, awsapi.ErrUnknownKey
	case sessionToken != "":
		return awsapi.Credential{}, awsapi.ErrInvalidToken
	}
	return c, nil
}

// Root returns the root principal of an account.
func Root(account string) awsapi.Principal {
	return awsapi.Principal{Account: account, ARN: "arn:aws:iam::" + account + ":root", UserID: account, Type: "Root"}
}

// Front returns a front end of services for the root of Account.
func Front(services ...*awsapi.Service) *awsapi.Front {
	return awsapi.New(awsapi.Options{
		Services:    services,
		Credentials: Keys{AccessKeyID: {Secret: Secret, Principal: Root(Account)}},
	})
}

// Sign signs a request with the root key of Account.
func Sign(t testing.TB, r *http.Request, service, region string, body []byte, now time.Time) {
	t.Helper()
	SignAs(t, r, AccessKeyID, Secret, service, region, body, now)
}

// SignAs signs a request with a key.
func SignAs(t testing.TB, r *http.Request, accessKeyID, secret, service, region string, body []byte, now time.Time) {
	t.Helper()
	key := sigv4.Key{AccessKeyID: accessKeyID, Secret: secret}
	if err := sigv4.Sign(r, key, service, region, sigv4.PayloadHash(body), now); err != nil {
		t.Fatal(err)
	}
}

// Serve serves h on a loopback port until the end of the test, and returns the real clients for it.
func Serve(t testing.TB, h http.Handler) testkit.AWS {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := awsapi.NewServer(h, nil, nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(awsapi.LimitConnections(l, 0))
	}()
	t.Cleanup(func() { _ = server.Close(); <-done })
	return testkit.AWS{
		Endpoint: "http://" + l.Addr().String(), AccessKeyID: AccessKeyID, SecretAccessKey: Secret, Region: "us-east-1",
	}
}
