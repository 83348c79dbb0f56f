package ociapi

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"time"

	"coffer.example/aead"
	"coffer.example/internal/awsapi"
)

// TokenLifetime is how long a registry token works, as on AWS.
const TokenLifetime = 12 * time.Hour

// User is the user name that goes with every token.
const User = "AWS"

var (
	errToken        = errors.New("ociapi: not a token of this registry")
	errTokenExpired = errors.New("ociapi: token has expired")
)

// Tokens seals the passwords that GetAuthorizationToken gives out. Nothing is kept of them.
type Tokens struct {
	Key  *aead.RecordKey
	Rand io.Reader // nil: crypto/rand
}

// token is what a password says.
type token struct {
	AccessKeyID  string
	SessionToken string `json:",omitempty"`
	Registry     string // the account whose registry it means
	Region       string
	Expires      int64 // seconds since the epoch
}

// tokenAAD keeps these apart from other tokens under the same key.
const tokenAAD = "ecr registry"

// Issue returns the password for the caller of a request, for the registry of an account, and when it expires.
func (t Tokens) Issue(r *awsapi.Request, registry string) (string, time.Time, error) {
	expires := r.Time.Add(TokenLifetime)
	raw, err := json.Marshal(token{
		AccessKeyID: r.AccessKeyID, SessionToken: r.HTTP.Header.Get("X-Amz-Security-Token"),
		Registry: registry, Region: r.Region, Expires: expires.Unix(),
	})
	if err != nil {
		return "", expires, err
	}
	random := t.Rand
	if random == nil {
		random = rand.Reader
	}
	sealed, err := t.Key.Seal(random, nil, raw, []byte(tokenAAD))
	return base64.StdEncoding.EncodeToString(sealed), expires, err
}

// open returns what a password says.
func (t Tokens) open(password string, now time.Time) (*token, error) {
	sealed, err := base64.StdEncoding.DecodeString(password)
	if err != nil {
		return nil, errToken
	}
	raw, err := t.Key.Open(nil, sealed, []byte(tokenAAD))
	if err != nil {
		return nil, errToken
	}
	out := &token{}
	if err := json.Unmarshal(raw, out); err != nil {
		return nil, errToken
	}
	if now.Unix() >= out.Expires {
		return nil, errTokenExpired
	}
	return out, nil
}

// URL is the address of a path of the registry for the caller of a request, who needs nothing else to read it.
func (t Tokens) URL(r *awsapi.Request, registry, path string) (string, error) {
	password, _, err := t.Issue(r, registry)
	if err != nil {
		return "", err
	}
	address := url.URL{Scheme: "http", Host: r.HTTP.Host, Path: path, User: url.UserPassword(User, password)}
	if r.HTTP.TLS != nil {
		address.Scheme = "https"
	}
	return address.String(), nil
}
