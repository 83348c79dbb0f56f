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

// urlLifetime is how long a sealed URL works.
const urlLifetime = time.Hour

// tokenParameter is where a sealed URL has its token.
const tokenParameter = "X-Coffer-Token"

// token is what a password says.
type token struct {
	AccessKeyID  string
	SessionToken string `json:",omitempty"`
	Registry     string // the account whose registry it means
	Region       string
	Expires      int64 // seconds since the epoch
}

// What keeps these apart from other tokens under the same key; that of a URL goes on with its path.
const (
	tokenAAD = "ecr registry"
	urlAAD   = "ecr url "
)

// Issue returns the password for the caller of a request, for the registry of an account, and when it expires.
func (t Tokens) Issue(r *awsapi.Request, registry string) (string, time.Time, error) {
	return t.seal(r, registry, TokenLifetime, tokenAAD)
}

func (t Tokens) seal(r *awsapi.Request, registry string, lifetime time.Duration, aad string) (string, time.Time, error) {
	expires := r.Time.Add(lifetime)
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
	sealed, err := t.Key.Seal(random, nil, raw, []byte(aad))
	return base64.StdEncoding.EncodeToString(sealed), expires, err
}

// open returns what a password says.
func (t Tokens) open(password string, now time.Time) (*token, error) {
	return t.unseal(password, tokenAAD, now)
}

// openURL returns what the token in the URL of a path says.
func (t Tokens) openURL(text, path string, now time.Time) (*token, error) {
	return t.unseal(text, urlAAD+path, now)
}

func (t Tokens) unseal(text, aad string, now time.Time) (*token, error) {
	sealed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errToken
	}
	raw, err := t.Key.Open(nil, sealed, []byte(aad))
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

// URL is the address of a path of the registry, with a token that lets its bearer read that path as the caller of a request, and nothing else.
func (t Tokens) URL(r *awsapi.Request, registry, path string) (string, error) {
	text, _, err := t.seal(r, registry, urlLifetime, urlAAD+path)
	if err != nil {
		return "", err
	}
	address := url.URL{Scheme: "http", Host: r.HTTP.Host, Path: path, RawQuery: url.Values{tokenParameter: {text}}.Encode()}
	if r.HTTP.TLS != nil {
		address.Scheme = "https"
	}
	return address.String(), nil
}
