package awsapi

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"coffer.example/internal/awsapi/sigv4"
	"github.com/stretchr/testify/require"
)

func TestServer(t *testing.T) {
	f := newFixture()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := NewServer(f.front, nil, nil)
	done := make(chan error)
	go func() { done <- server.Serve(LimitConnections(l, 1)) }()

	first, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	ask := func(c net.Conn) string {
		_, err := io.WriteString(c, "GET /v2/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
		require.NoError(t, err)
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		require.NoError(t, err)
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		return string(body)
	}
	require.Equal(t, "registry", ask(first))

	second, err := net.Dial("tcp", l.Addr().String()) // waits in the backlog
	require.NoError(t, err)
	answered := make(chan string)
	go func() { answered <- ask(second) }()
	select {
	case <-answered:
		t.Fatal("a second connection was served beside the first")
	case <-time.After(50 * time.Millisecond):
	}
	require.NoError(t, first.Close())
	require.Equal(t, "registry", <-answered)
	require.NoError(t, second.Close())

	require.NoError(t, server.Close())
	require.ErrorIs(t, <-done, http.ErrServerClosed)
}

func TestLimitConnectionsClose(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := LimitConnections(inner, 1)
	client, err := net.Dial("tcp", inner.Addr().String())
	require.NoError(t, err)
	defer client.Close()
	c, err := l.Accept()
	require.NoError(t, err)
	defer c.Close()
	done := make(chan error)
	go func() { // waits for the one slot
		_, err := l.Accept()
		done <- err
	}()
	require.NoError(t, l.Close())
	require.ErrorIs(t, <-done, net.ErrClosed)
	_ = l.Close()
}

// FuzzRequest serves arbitrary requests, unsigned and signed: whatever comes, the answer
// is typed, and nothing panics or fails internally.
func FuzzRequest(f *testing.F) {
	f.Add("POST", "/", "kms", `{"Text":"a","Names":["b"]}`, "TrentService.Echo")
	f.Add("POST", "/?Action=Echo", "sts", "Version=2011-06-15&Text=a&Names.member.1=b", "")
	f.Add("POST", "/", "ec2", "Action=Echo&Text=a&Name.1=b&Name.2.x=1", "")
	f.Add("PUT", "/snapshots/a%2fb/blocks/%00", "ebs", "\xff", "")
	f.Add("GET", "/v2/../x?%zz", "", "", "x.y.z")
	x := newFixture()
	f.Fuzz(func(t *testing.T, method, target, service, body, header string) {
		var text bytes.Buffer
		text.WriteString(method + " " + target + " HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: " + header + "\r\n\r\n")
		r, err := http.ReadRequest(bufio.NewReader(&text))
		if err != nil {
			return
		}
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		if service != "" {
			key := sigv4.Key{AccessKeyID: "AKIDROOT", Secret: "secret"}
			_ = sigv4.Sign(r, key, service, "us-east-1", sigv4.PayloadHash([]byte(body)), now) // fails on a malformed query
		}
		w := httptest.NewRecorder()
		x.front.ServeHTTP(w, r)
		if w.Code >= 500 && !strings.Contains(body, "panic") && !strings.Contains(body, "internal") && !strings.Contains(target, "panic") {
			t.Fatalf("status %d: %s", w.Code, w.Body)
		}
	})
}
