package ociapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"strings"

	"coffer.example/internal/awsapi/sigv4"
	"coffer.example/internal/ecr"
)

// signedService is the service that a signature is to be scoped to.
const signedService = "ecr"

// isSigned says whether a request carries a SigV4 signature rather than a token.
func isSigned(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-") || r.URL.Query().Has("X-Amz-Algorithm")
}

// authenticateSigned verifies a signature of the caller's own access key. The registry is that of the caller's account.
func (h *Handler) authenticateSigned(x *exchange) error {
	err := h.verifySignature(x)
	var problem *sigv4.Error
	if errors.As(err, &problem) {
		return unauthorized(problem.Message)
	}
	return err
}

func (h *Handler) verifySignature(x *exchange) error {
	auth, err := sigv4.Parse(x.http)
	if err != nil {
		return err
	}
	x.caller.AccessKeyID = auth.AccessKeyID
	if auth.Service != signedService {
		return unauthorized("Credential should be scoped to correct service: '" + signedService + "'.")
	}
	for _, check := range []func() error{
		auth.CheckScope,
		func() error { return auth.CheckHeaders(x.http.Header) },
		func() error { return auth.CheckTime(x.now) },
	} {
		if err := check(); err != nil {
			return err
		}
	}
	credential, err := h.lookup(x, auth.AccessKeyID, auth.SessionToken)
	if err != nil {
		return err
	}
	claimed, err := x.payloadHash()
	if err != nil {
		return err
	}
	if err := auth.Verify(x.http, credential.Secret, claimed); err != nil {
		return err
	}
	x.admit(credential, auth.Region, credential.Principal.Account)
	return nil
}

// payloadHash returns the hash that a signature is to be over, and sees to it that the body is held to it. A
// body without a claimed hash is read, for it can only be a manifest. UNSIGNED-PAYLOAD is for the bytes
// of blobs, which the digest in the signed URL of the closing request is checked against.
func (x *exchange) payloadHash() (string, error) {
	claimed := x.http.Header.Get("X-Amz-Content-Sha256")
	if claimed == sigv4.UnsignedPayload && x.event != "PutImage" {
		return claimed, nil
	}
	if claimed == "" {
		body, err := io.ReadAll(io.LimitReader(x.body, ecr.MaxManifestSize+1))
		if err != nil {
			return "", asBodyError(err)
		}
		if len(body) > ecr.MaxManifestSize {
			return "", refuse(http.StatusRequestEntityTooLarge, codeSizeInvalid, "a signed body of this size needs x-amz-content-sha256")
		}
		x.body = bytes.NewReader(body)
		return sigv4.PayloadHash(body), nil
	}
	sum, err := hex.DecodeString(claimed)
	if err != nil || len(sum) != sha256.Size {
		return "", unauthorized("The value of x-amz-content-sha256 is not supported by this operation.")
	}
	held := &heldReader{from: x.body, left: x.http.ContentLength, sum: sha256.New(), want: sum}
	if held.left < 0 || held.left == 0 && !held.holds() {
		return "", unauthorized(sigv4.MismatchMessage)
	}
	x.body = held
	return claimed, nil
}

// heldReader reads a body of known size and fails in place of its last bytes unless it has the hash that was signed.
type heldReader struct {
	from io.Reader
	left int64
	sum  hash.Hash
	want []byte
}

func (r *heldReader) holds() bool { return bytes.Equal(r.sum.Sum(nil), r.want) }

func (r *heldReader) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	r.sum.Write(p[:n]) // never fails (hash.Hash)
	r.left -= int64(n)
	if r.left == 0 && !r.holds() {
		return 0, ecr.ErrForged
	}
	return n, err
}
