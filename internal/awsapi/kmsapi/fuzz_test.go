package kmsapi

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"coffer.example/internal/awsapi/awsapitest"
	"coffer.example/kms"
	"github.com/stretchr/testify/require"
)

// FuzzBody sends arbitrary bodies to every operation of a real key store: each answer
// is JSON or empty, no failure is internal, and the store works afterwards.
func FuzzBody(f *testing.F) {
	k := newKMS(f)
	service := New(k)
	made, err := k.CreateKey(f.Context(), k.RootCaller(), kms.CreateKeyInput{})
	require.NoError(f, err)
	for operation := range service.Operations {
		f.Add(operation, `{"KeyId":"`+made.ID+`"}`)
	}
	for operation, body := range map[string]string{
		"Encrypt":           `{"KeyId":"` + made.ID + `","Plaintext":"aGVsbG8=","EncryptionContext":{"a":"b","":"\ud83d\ude00"},"GrantTokens":["x"]}`,
		"Decrypt":           `{"CiphertextBlob":"Q0ZXSwEB","EncryptionContext":{"a":"b"},"DryRunModifiers":["IGNORE_CIPHERTEXT"],"DryRun":true}`,
		"CreateGrant":       `{"KeyId":"` + made.ID + `","GranteePrincipal":"111122223333","Operations":["Decrypt"],"Constraints":{"EncryptionContextSubset":{"a":"b"}}}`,
		"PutKeyPolicy":      `{"KeyId":"` + made.ID + `","Policy":"{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"kms:*\",\"Resource\":\"*\"}]}"}`,
		"ListAliases":       `{"Limit":1e3,"Marker":"AAAA"}`,
		"GenerateDataKey":   `{"KeyId":"alias/aws/ebs","NumberOfBytes":64}`,
		"CreateKey":         `{"Tags":[{"TagKey":"a","TagValue":"b"}],"KeySpec":"HMAC_256","KeyUsage":"GENERATE_VERIFY_MAC","Policy":""}`,
		"ImportKeyMaterial": `{"KeyId":"` + made.ID + `","ImportToken":"AA==","EncryptedKeyMaterial":"AA==","ValidTo":1.5e9,"ExpirationModel":"KEY_MATERIAL_EXPIRES"}`,
		"ReEncrypt":         `{"CiphertextBlob":"AA==","DestinationKeyId":"` + made.ARN + `","SourceEncryptionContext":{}}`,
	} {
		f.Add(operation, body)
	}
	front := awsapitest.Front(service)
	f.Fuzz(func(t *testing.T, operation, body string) {
		if strings.ContainsAny(operation, "\r\n\x00") {
			return
		}
		r := httptest.NewRequest("POST", "http://localhost/", strings.NewReader(body))
		r.Header.Set("X-Amz-Target", "TrentService."+operation)
		awsapitest.Sign(t, r, "kms", "us-east-1", []byte(body), time.Now())
		w := httptest.NewRecorder()
		front.ServeHTTP(w, r)
		require.Less(t, w.Code, 500, "%s %q: %s", operation, body, w.Body)
		if w.Body.Len() > 0 {
			var answer map[string]any
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
			require.Equal(t, w.Code != 200, answer["__type"] != nil)
		}
		require.NoError(t, k.Failed())
	})
}
