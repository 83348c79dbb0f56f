package awsapi

import (
	"testing"
	"time"

	"coffer.example/aead"
	"github.com/stretchr/testify/require"
)

func TestPages(t *testing.T) {
	key, err := aead.NewRecordKey(aead.NewSecret(make([]byte, aead.KeySize)))
	require.NoError(t, err)
	p := Pages{Key: key}
	request := func() *Request {
		return &Request{Time: now, Service: &Service{Name: "iam"}, Operation: "ListUsers", Region: "us-east-1", Principal: Principal{Account: "111122223333", ARN: "a"}}
	}
	token, err := p.Seal(request(), "name", "/path/", "")
	require.NoError(t, err)
	after, err := p.Open(request(), token, "/path/", "")
	require.NoError(t, err)
	require.Equal(t, "name", after)

	for what, change := range map[string]func(r *Request){
		"operation": func(r *Request) { r.Operation = "ListRoles" },
		"caller":    func(r *Request) { r.Principal.ARN = "b" },
		"account":   func(r *Request) { r.Principal.Account = "444455556666" },
		"expired":   func(r *Request) { r.Time = now.Add(pageLifetime + time.Second) },
	} {
		r := request()
		change(r)
		_, err := p.Open(r, token, "/path/", "")
		require.ErrorIs(t, err, ErrPage, what)
	}
	for _, selects := range [][]string{{}, {"/path/"}, {"", "/path/"}, {"/path", "/"}, {"/path/", "", ""}} {
		_, err := p.Open(request(), token, selects...)
		require.ErrorIs(t, err, ErrPage, "%q", selects)
	}
	for _, forged := range []string{"", "x", "AAAA", token[1:]} {
		_, err := p.Open(request(), forged, "/path/", "")
		require.ErrorIs(t, err, ErrPage)
	}
}
