package awsapi

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUnavailable(t *testing.T) {
	handler := Unavailable(nil, func() error { return errors.New("coffer is sealed") })
	for name, one := range map[string]struct {
		target, scope, host, body string
		status                    int
	}{
		"kms":          {"TrentService.Decrypt", "kms", "127.0.0.1", `"__type":"KMSInternalException"`, 500},
		"kms unsigned": {"TrentService.Decrypt", "", "127.0.0.1", `"__type":"KMSInternalException"`, 500},
		"ecr":          {"AmazonEC2ContainerRegistry_V20150921.X", "ecr", "127.0.0.1", `"__type":"InternalFailure"`, 500},
		"ec2":          {"", "ec2", "127.0.0.1", "<Response><Errors><Error><Code>InternalError</Code>", 500},
		"sts":          {"", "sts", "127.0.0.1", "<Code>InternalFailure</Code>", 500},
		"ebs":          {"", "ebs", "127.0.0.1", "coffer is sealed", 500},
		"registry":     {"", "", "127.0.0.1", "coffer is sealed", 503},
		"host":         {"TrentService.Decrypt", "kms", "evil.example", "unknown host", 421},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("{}"))
		r.Host = one.host
		if one.target != "" {
			r.Header.Set("X-Amz-Target", one.target)
		}
		if one.scope != "" {
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/"+one.scope+"/aws4_request, SignedHeaders=host, Signature=00")
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		require.Equal(t, one.status, w.Code, name)
		require.Contains(t, w.Body.String(), one.body, name)
	}
}
