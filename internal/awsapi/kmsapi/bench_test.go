package kmsapi

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/awsapi/awsapitest"
	"github.com/stretchr/testify/require"
)

// BenchmarkHTTP is calls over one loopback connection. Empty is an operation that does nothing
// behind the same server and signature check: what the others are to be compared with.
func BenchmarkHTTP(b *testing.B) {
	service := New(newKMS(b))
	service.Operations["Empty"] = awsapi.Operation{Call: func(context.Context, *awsapi.Request, any) (any, error) { return nil, nil }}
	endpoint := awsapitest.Serve(b, awsapitest.Front(service)).Endpoint
	request := func(operation string, body []byte) *http.Request {
		r, err := http.NewRequest("POST", endpoint, nil)
		require.NoError(b, err)
		r.Header.Set("X-Amz-Target", "TrentService."+operation)
		awsapitest.Sign(b, r, "kms", "us-east-1", body, time.Now())
		r.ContentLength = int64(len(body))
		return r
	}
	do := func(r *http.Request, body []byte) []byte {
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != 200 {
			b.Fatal(err, string(text))
		}
		_ = answer.Body.Close()
		return text
	}
	once := func(operation, body string, into any) {
		require.NoError(b, json.Unmarshal(do(request(operation, []byte(body)), []byte(body)), into))
	}
	var made struct{ KeyMetadata struct{ KeyId string } }
	once("CreateKey", "{}", &made)
	key := `"KeyId":"` + made.KeyMetadata.KeyId + `"`
	var sealed struct{ CiphertextBlob string }
	once("Encrypt", `{`+key+`,"Plaintext":"aGVsbG8=","EncryptionContext":{"a":"b"}}`, &sealed)

	for _, c := range []struct{ operation, body string }{
		{"Empty", "{}"},
		{"DescribeKey", `{` + key + `}`},
		{"GenerateDataKey", `{` + key + `,"NumberOfBytes":64,"EncryptionContext":{"a":"b"}}`},
		{"Decrypt", `{"CiphertextBlob":"` + sealed.CiphertextBlob + `","EncryptionContext":{"a":"b"}}`},
	} {
		b.Run(c.operation, func(b *testing.B) {
			body := []byte(c.body)
			r := request(c.operation, body)
			b.ReportAllocs()
			for b.Loop() {
				do(r, body)
			}
		})
	}
}
