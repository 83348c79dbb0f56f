package kms

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
)

const (
	defaultPage      = 100
	defaultGrantPage = 50
)

var errPageFull = errors.New("kms: page is full")

// scanPage calls fn for the names under prefix, in order, from the page's marker on,
// with what follows the prefix. A marker is sealed and bound to the operation, the
// caller's account and Region and the prefix: it opens for no other list. fn returns
// false for a name that is not to be counted.
func (cl *call) scanPage(ctx context.Context, p Page, byDefault int, prefix string, fn func(rest string, value []byte) (bool, error)) (Next, error) {
	aad := cl.markerAAD(prefix)
	after := ""
	if p.Marker != "" {
		rest, err := cl.openMarker(p.Marker, aad)
		if err != nil {
			return Next{}, err
		}
		after = prefix + rest
	}
	n, last, limit := 0, "", p.limit(byDefault)
	err := cl.k.store.Scan(ctx, prefix, after, 0, func(name string, value []byte, _ uint64) error {
		if n == limit {
			return errPageFull
		}
		last = strings.TrimPrefix(name, prefix)
		counts, err := fn(last, value)
		if counts {
			n++
		}
		return err
	})
	if !errors.Is(err, errPageFull) {
		return Next{}, err
	}
	marker, err := cl.sealMarker(last, aad)
	return Next{Truncated: true, Marker: marker}, err
}

func (cl *call) sealMarker(last string, aad []byte) (string, error) {
	sealed, err := cl.k.tokenKey.Seal(cl.k.o.Rand, nil, []byte(last), aad)
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

func (cl *call) markerAAD(prefix string) []byte {
	return []byte("marker\x00" + cl.op + "\x00" + cl.c.Account + "\x00" + cl.c.Region + "\x00" + prefix)
}

func (cl *call) openMarker(marker string, aad []byte) (string, error) {
	b, err := base64.RawURLEncoding.DecodeString(marker)
	if err == nil {
		b, err = cl.k.tokenKey.Open(nil, b, aad)
	}
	if err != nil {
		return "", &Error{Kind: ErrInvalidMarker, Message: "Could not deserialize marker."}
	}
	return string(b), nil
}
