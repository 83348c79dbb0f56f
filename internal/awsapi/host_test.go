package awsapi

import (
	"net/http/httptest"
	"testing"

	"coffer.example/internal/awsapi/sigv4"
	"github.com/stretchr/testify/require"
)

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
