// Package parentkms seals the root key of a data directory under a KMS key elsewhere:
// of AWS KMS, or of another coffer. It is the client behind kms.RootParent.
//
// What the parent encrypts is bound to the directory by its store id in the encryption
// context, so that the sealed bytes of one directory open no other, and the parent's
// audit trail says whose root key was opened. The parent must be reached by TLS unless
// it is on loopback: with its answer and the directory the root key opens.
package parentkms

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"coffer.example/aead"
	"coffer.example/internal/awsapi/sigv4"
	"coffer.example/internal/iam"
	"coffer.example/kms"
)

const (
	// timeout bounds one request to the parent.
	timeout = 15 * time.Second
	// maxAnswer bounds an answer; a CiphertextBlob has at most 6144 bytes.
	maxAnswer = 64 << 10
)

// Options say which key of which KMS, and as whom.
type Options struct {
	KeyARN   string // of the key or of an alias; its Region is signed for
	Endpoint string // empty: AWS's of the Region
	Key      sigv4.Key
	Client   *http.Client     // nil: one with a timeout
	Now      func() time.Time // nil: time.Now
}

type parent struct {
	options  Options
	region   string
	endpoint string
}

// New checks the options and returns the Root. It makes no request.
func New(o Options) (kms.Root, error) {
	arn, ok := iam.ParseARN(o.KeyARN)
	if !ok || arn.Service != "kms" || arn.Region == "" {
		return nil, fmt.Errorf("parentkms: %q is not the ARN of a KMS key", o.KeyARN)
	}
	if o.Key.AccessKeyID == "" || o.Key.Secret == "" {
		return nil, errors.New("parentkms: no access key for the parent KMS")
	}
	p := &parent{options: o, region: arn.Region, endpoint: o.Endpoint}
	if p.endpoint == "" {
		p.endpoint = "https://kms." + arn.Region + ".amazonaws.com/"
	}
	if err := checkEndpoint(p.endpoint); err != nil {
		return nil, err
	}
	if p.options.Client == nil {
		p.options.Client = &http.Client{Timeout: timeout}
	}
	if p.options.Now == nil {
		p.options.Now = time.Now
	}
	return kms.RootParent(p, o.KeyARN), nil
}

func checkEndpoint(endpoint string) error {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || u.Host == "":
		return fmt.Errorf("parentkms: %q is not a URL", endpoint)
	case u.Scheme == "https":
		return nil
	case u.Scheme != "http":
		return fmt.Errorf("parentkms: endpoint %q is neither https nor http", endpoint)
	}
	host := u.Hostname()
	if addr, err := netip.ParseAddr(host); host == "localhost" || err == nil && addr.IsLoopback() {
		return nil
	}
	return fmt.Errorf("parentkms: endpoint %q is not on loopback and would send the root key in clear; use https", endpoint)
}

// answer is what is read of the answers of Encrypt and Decrypt.
type answer struct {
	KeyID          string `json:"KeyId"`
	CiphertextBlob []byte
	Plaintext      []byte
	Type           string `json:"__type"`
	Message        string `json:"message"`
}

// Encrypt implements kms.Parent.
func (p *parent) Encrypt(ctx context.Context, keyID string, plaintext []byte, encryptionContext map[string]string) ([]byte, string, error) {
	out, err := p.call(ctx, "Encrypt", map[string]any{
		"KeyId": keyID, "Plaintext": plaintext, "EncryptionContext": encryptionContext,
	})
	if err != nil {
		return nil, "", err
	}
	if len(out.CiphertextBlob) == 0 || len(out.CiphertextBlob) > aead.MaxWrappedSize {
		return nil, "", errors.New("parentkms: the parent KMS answered no ciphertext")
	}
	return out.CiphertextBlob, out.KeyID, nil
}

// Decrypt implements kms.Parent.
func (p *parent) Decrypt(ctx context.Context, keyARN string, blob []byte, encryptionContext map[string]string) ([]byte, error) {
	out, err := p.call(ctx, "Decrypt", map[string]any{
		"KeyId": keyARN, "CiphertextBlob": blob, "EncryptionContext": encryptionContext,
	})
	if err != nil {
		return nil, err
	}
	return out.Plaintext, nil
}

// call makes one request. What it holds of plaintexts it clears, but for what the HTTP client keeps.
func (p *parent) call(ctx context.Context, operation string, in map[string]any) (*answer, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	defer clear(body)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.endpoint, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("parentkms: %w", err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "TrentService."+operation)
	if err := sigv4.Sign(r, p.options.Key, "kms", p.region, sigv4.PayloadHash(body), p.options.Now()); err != nil {
		return nil, err
	}
	got, err := p.options.Client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("parentkms: %s: %w", operation, withoutURL(err))
	}
	defer got.Body.Close()
	text, err := io.ReadAll(io.LimitReader(got.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("parentkms: %s: %w", operation, err)
	}
	defer clear(text)
	var out answer
	if err := json.Unmarshal(text, &out); err != nil {
		return nil, fmt.Errorf("parentkms: %s: the endpoint answers with status %d and no JSON; is it a KMS?", operation, got.StatusCode)
	}
	if got.StatusCode != http.StatusOK {
		return nil, refusal(operation, &out)
	}
	return &out, nil
}

// refusal is the parent's error; those that mean another root key wrap what kms.Parent says.
func refusal(operation string, out *answer) error {
	said := out.Type
	if out.Message != "" {
		said += ": " + out.Message
	}
	switch out.Type {
	case "InvalidCiphertextException":
		return fmt.Errorf("%w: %s", kms.ErrInvalidCiphertext, said)
	case "IncorrectKeyException":
		return fmt.Errorf("%w: %s", kms.ErrIncorrectKey, said)
	}
	return fmt.Errorf("parentkms: the parent KMS refuses %s: %s", operation, said)
}

// withoutURL takes the URL off a client's error: the endpoint is the operator's to know, once.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return op
	}
	return err
}
