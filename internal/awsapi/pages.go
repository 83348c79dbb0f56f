package awsapi

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"time"

	"coffer.example/aead"
)

// pageLifetime is how long a page can be asked for after the one before it.
const pageLifetime = 24 * time.Hour

// ErrPage says that a page token is forged, expired, or of another caller or list.
var ErrPage = errors.New("awsapi: invalid page token")

// Pages seals the tokens by which lists go on. A token is the place in the list and an
// expiry, sealed with the caller, the operation and what the list depends on as
// associated data: it opens for the same question of the same caller only.
type Pages struct {
	Key      *aead.RecordKey
	Rand     io.Reader     // nil: crypto/rand
	Lifetime time.Duration // of a token; 0: a day
}

// Seal returns the token for the page after a place. selects is what the list depends on.
func (p Pages) Seal(r *Request, after string, selects ...string) (string, error) {
	random := p.Rand
	if random == nil {
		random = rand.Reader
	}
	lifetime := p.Lifetime
	if lifetime == 0 {
		lifetime = pageLifetime
	}
	plain := binary.BigEndian.AppendUint64(nil, uint64(r.Time.Add(lifetime).Unix()))
	sealed, err := p.Key.Seal(random, nil, append(plain, after...), pageData(r, selects))
	return base64.URLEncoding.EncodeToString(sealed), err
}

// Open returns the place that a token holds, or ErrPage.
func (p Pages) Open(r *Request, token string, selects ...string) (after string, err error) {
	sealed, err := base64.URLEncoding.DecodeString(token)
	if err != nil {
		return "", ErrPage
	}
	plain, err := p.Key.Open(nil, sealed, pageData(r, selects))
	if err != nil || len(plain) < 8 || binary.BigEndian.Uint64(plain) < uint64(r.Time.Unix()) {
		return "", ErrPage
	}
	return string(plain[8:]), nil
}

// pageData is length-prefixed, so that no two lists of parts give the same bytes.
func pageData(r *Request, selects []string) []byte {
	parts := append([]string{"page", r.Principal.Account, r.Principal.ARN, r.Region, r.Service.Name, r.Operation}, selects...)
	var b strings.Builder
	for _, part := range parts {
		b.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
		b.WriteString(part)
	}
	return []byte(b.String())
}
