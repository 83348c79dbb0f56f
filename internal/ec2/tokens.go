package ec2

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"coffer.example/internal/meta"
	"coffer.example/internal/meta/records"
	"coffer.example/kms"
)

// usedToken is what an idempotency token has made.
type usedToken struct {
	Request string // hash of the request's parameters
	IDs     []string
	Used    time.Time
}

// idempotent looks a client token up. It returns the key under which the caller
// records it (empty if there is no token) and, for a repeated request, the ids made then.
func (s *Service) idempotent(ctx context.Context, caller kms.Caller, operation, token string, request any) (key, sum string, made []string, err error) {
	if token == "" {
		return "", "", nil, nil
	}
	if len(token) > maxClientToken {
		return "", "", nil, refuse(InvalidParameter, "Value (%s) for parameter clientToken is invalid. The token must be at most %d characters long.", token, maxClientToken)
	}
	raw, err := json.Marshal(request)
	if err != nil {
		return "", "", nil, err
	}
	key, sum = tokenKey(caller.Region, caller.Account, operation, token), hash(string(raw))
	used, err := records.Get[usedToken](ctx, s.store, key)
	if errors.Is(err, meta.ErrNotFound) {
		return key, sum, nil, nil
	}
	if err != nil {
		return "", "", nil, err
	}
	if used.Value.Request != sum {
		return "", "", nil, refuse(IdempotentMismatch, "The client token has already been used for a different request; the parameters must be the same.")
	}
	return key, sum, used.Value.IDs, nil
}

// use records a token in the commit that makes its resources.
func (c *change) use(key, sum string, now time.Time, ids ...string) *change {
	if key != "" {
		c.set(key, 0, usedToken{Request: sum, IDs: ids, Used: now})
	}
	return c
}

// forgetExpired removes tokens and terminated instances whose time is over.
func (s *Service) forgetExpired(ctx context.Context) error {
	now := s.now()
	expired := map[string]uint64{}
	err := records.Scan(ctx, s.store, tokenPrefix, "", func(key string, used usedToken, revision uint64) error {
		if now.Sub(used.Used) > tokenLifetime {
			expired[key] = revision
		}
		return full(expired)
	})
	if err != nil {
		return err
	}
	for key, revision := range expired {
		if err := newChange().remove(key, revision).Commit(ctx, s.store); err != nil {
			return err
		}
	}
	return s.forgetTerminated(ctx, now)
}

func full[K comparable, V any](m map[K]V) error {
	if len(m) >= maxPage {
		return records.ErrStop
	}
	return nil
}

func (s *Service) forgetTerminated(ctx context.Context, now time.Time) error {
	gone := map[string]ref{}
	err := records.Scan(ctx, s.store, terminatedPrefix, "", func(key string, entry terminated, _ uint64) error {
		if now.Sub(entry.At) > terminatedLifetime {
			gone[key] = entry.Ref
		}
		return full(gone)
	})
	if err != nil {
		return err
	}
	for key, at := range gone {
		c := newChange().clear(key).clear(resourceKey(kindInstance(), at.Region, at.Owner, at.ID))
		if err := c.Commit(ctx, s.store); err != nil {
			return err
		}
	}
	return nil
}

// terminated is the index entry of an instance that is to be forgotten.
type terminated struct {
	Ref ref
	At  time.Time
}
