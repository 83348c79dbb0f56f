package kmsapi

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"coffer.example/internal/awsapi/awsapitest"
	"github.com/stretchr/testify/require"
)

// raw sends a body as it stands and returns the error's code, empty for success, and the answer.
func raw(t *testing.T, front http.Handler, operation, body string) (code string, answer map[string]any) {
	r := httptest.NewRequest("POST", "http://localhost/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", "TrentService."+operation)
	awsapitest.Sign(t, r, "kms", "us-east-1", []byte(body), time.Now())
	w := httptest.NewRecorder()
	front.ServeHTTP(w, r)
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
	code, _ = answer["__type"].(string)
	return code, answer
}

// TestContextsAreStrict proves that contexts which a lenient reader takes for one another are refused or differ.
func TestContextsAreStrict(t *testing.T) {
	front := awsapitest.Front(New(newKMS(t)))
	code, key := raw(t, front, "CreateKey", "{}")
	require.Empty(t, code)
	id := key["KeyMetadata"].(map[string]any)["KeyId"].(string)
	encrypt := func(context string) (code, blob string) {
		code, answer := raw(t, front, "Encrypt", `{"KeyId":"`+id+`","Plaintext":"aGVsbG8=","EncryptionContext":`+context+`}`)
		blob, _ = answer["CiphertextBlob"].(string)
		return code, blob
	}
	decrypt := func(blob, context string) string {
		code, _ := raw(t, front, "Decrypt", `{"CiphertextBlob":"`+blob+`","EncryptionContext":`+context+`}`)
		return code
	}

	// What encoding/json would repair, on either side.
	for _, context := range []string{
		"{\"a\":\"\xff\"}", "{\"\xc3\":\"b\"}", `{"a":"\ud800"}`, `{"a":"\udc00x"}`, `{"a":"b","a":"c"}`, `{"a":"b","\u0061":"c"}`,
		`{"a":1}`, `{"a":null}`, `{"a":["b"]}`, `[]`, `"a"`,
	} {
		code, _ := encrypt(context)
		require.Equal(t, "SerializationException", code, context)
	}
	_, blob := encrypt(`{"a":"\ufffd"}`) // what lenient readers make of invalid text
	require.Empty(t, decrypt(blob, `{"a":"�"}`))
	require.Equal(t, "SerializationException", decrypt(blob, "{\"a\":\"\xff\"}"))
	require.Equal(t, "SerializationException", decrypt(blob, `{"a":"\ud83d"}`))

	// Members of the request that only look like the context.
	code, _ = raw(t, front, "Encrypt", `{"KeyId":"`+id+`","Plaintext":"aGVsbG8=","encryptionContext":{"a":"b"}}`)
	require.Equal(t, "SerializationException", code)
	code, _ = raw(t, front, "Encrypt", `{"KeyId":"`+id+`","Plaintext":"aGVsbG8=","EncryptionContext":{"a":"b"},"EncryptionContext":{}}`)
	require.Equal(t, "SerializationException", code)

	// The same pairs in other spellings are the same context; other pairs never are.
	_, blob = encrypt(`{"a":"bc","é":"😀"}`)
	require.Empty(t, decrypt(blob, `{ "\u00e9":"\ud83d\ude00", "\u0061" : "bc"}`))
	for _, other := range []string{`{"ab":"c","é":"😀"}`, `{"a":"bc"}`, `{}`, `{"A":"bc","é":"😀"}`, `{"a":"bc","e\u0301":"😀"}`, `{"a":"bc","é":"😀","":""}`} {
		require.Equal(t, "InvalidCiphertextException", decrypt(blob, other), other)
	}
}
