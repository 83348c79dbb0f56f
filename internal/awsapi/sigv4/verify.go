package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
)

// UnsignedPayload is the payload hash of requests whose body is not signed.
const UnsignedPayload = "UNSIGNED-PAYLOAD"

// PayloadHash returns the payload hash of a body: its SHA-256 in hex.
func PayloadHash(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// Verify checks the signature of r over payloadHash, which the caller has computed from
// the body (or is UnsignedPayload where that is admitted).
func (a *Auth) Verify(r *http.Request, secret, payloadHash string) error {
	canonical, err := a.canonicalRequest(r, payloadHash)
	if err != nil {
		return err
	}
	want := a.sign(secret, canonical)
	if !hmac.Equal([]byte(want), []byte(a.signature)) {
		return mismatch("%s", MismatchMessage)
	}
	return nil
}

// sign returns the signature of a canonical request under a secret.
func (a *Auth) sign(secret, canonical string) string {
	sum := sha256.Sum256([]byte(canonical))
	text := strings.Join([]string{
		algorithm, stamp(a.Time),
		a.Date + "/" + a.Region + "/" + a.Service + "/" + a.Terminator,
		hex.EncodeToString(sum[:]),
	}, "\n")
	key := mac([]byte("AWS4"+secret), a.Date)
	for _, part := range []string{a.Region, a.Service, a.Terminator} {
		key = mac(key, part)
	}
	return hex.EncodeToString(mac(key, text))
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
