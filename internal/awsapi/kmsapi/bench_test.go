package kmsapi

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http/httptest"
	"testing"
	"time"

	"coffer.example/internal/awsapi/awsapitest"
	"github.com/stretchr/testify/require"
)

// BenchmarkDecrypt is one Decrypt through the whole front end: signature, decoding, policy, unwrap, answer.
func BenchmarkDecrypt(b *testing.B) {
	front := awsapitest.Front(New(newKMS(b)))
	do := func(operation string, body []byte) []byte {
		r := httptest.NewRequest("POST", "http://localhost/", bytes.NewReader(body))
		r.Header.Set("X-Amz-Target", "TrentService."+operation)
		awsapitest.Sign(b, r, "kms", "us-east-1", body, time.Now())
		w := httptest.NewRecorder()
		front.ServeHTTP(w, r)
		require.Equal(b, 200, w.Code, w.Body)
		return w.Body.Bytes()
	}
	var made struct{ KeyMetadata struct{ KeyId string } }
	require.NoError(b, json.Unmarshal(do("CreateKey", []byte("{}")), &made))
	var sealed struct{ CiphertextBlob string }
	require.NoError(b, json.Unmarshal(do("Encrypt", []byte(`{"KeyId":"`+made.KeyMetadata.KeyId+`","Plaintext":"aGVsbG8=","EncryptionContext":{"a":"b"}}`)), &sealed))
	body := []byte(`{"CiphertextBlob":"` + sealed.CiphertextBlob + `","EncryptionContext":{"a":"b"}}`)
	r := httptest.NewRequest("POST", "http://localhost/", nil)
	r.Header.Set("X-Amz-Target", "TrentService.Decrypt")
	awsapitest.Sign(b, r, "kms", "us-east-1", body, time.Now())
	b.ReportAllocs()
	for b.Loop() {
		r.Body = io.NopCloser(bytes.NewReader(body))
		w := httptest.NewRecorder()
		front.ServeHTTP(w, r)
		if w.Code != 200 {
			b.Fatal(w.Body)
		}
	}
}
