package iam

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"coffer.example/internal/meta"
)

// Store is where a Directory keeps its records; internal/meta has the contract. The
// store seals the values, secrets of access keys among them.
type Store interface {
	Get(ctx context.Context, key string) (value []byte, revision uint64, err error)
	Scan(ctx context.Context, prefix, after string, limit int, fn func(key string, value []byte, revision uint64) error) error
	Commit(ctx context.Context, expect map[string]uint64, put map[string][]byte) error
}

// Every name that this package uses in the store. Names of IAM entities are unique
// without regard to case, so they are lower-case here. Values are JSON with a version.
//
//	iam/account/ACCOUNT          an account
//	iam/key/ACCESSKEYID          an access key, its secret and whose it is
//	iam/user/ACCOUNT/NAME        a user or role, with its inline policies, tags
//	iam/role/ACCOUNT/NAME        and the ARNs of its managed policies
//	iam/policy/ACCOUNT/NAME      a managed policy with its versions
//	iam/profile/ACCOUNT/NAME     an instance profile
func accountKey(account string) string { return "iam/account/" + account }
func accessKeyKey(id string) string    { return "iam/key/" + id }
func policyPrefix(account string) string {
	return "iam/policy/" + account + "/"
}
func profilePrefix(account string) string { return "iam/profile/" + account + "/" }

// recordVersion is the version of every record; another one is refused.
const recordVersion = 1

// envelope is how a record is stored.
type envelope struct {
	V int             `json:"v"`
	R json.RawMessage `json:"r"`
}

func encodeRecord(record any) ([]byte, error) {
	r, err := json.Marshal(record)
	if err != nil {
		return nil, fmt.Errorf("iam: %w", err)
	}
	return json.Marshal(envelope{recordVersion, r})
}

func decodeRecord(key string, value []byte, record any) error {
	var e envelope
	if err := json.Unmarshal(value, &e); err != nil {
		return fmt.Errorf("iam: %s: %w: %w", key, meta.ErrCorrupt, err)
	}
	if e.V != recordVersion {
		return fmt.Errorf("iam: %s: %w: record version %d is not known", key, meta.ErrCorrupt, e.V)
	}
	if err := json.Unmarshal(e.R, record); err != nil {
		return fmt.Errorf("iam: %s: %w: %w", key, meta.ErrCorrupt, err)
	}
	return nil
}

// get reads a record. what names it in the error if there is none.
func (d *Directory) get(ctx context.Context, key, what string, record any) (revision uint64, err error) {
	value, revision, err := d.store.Get(ctx, key)
	switch {
	case errors.Is(err, meta.ErrNotFound):
		return 0, refuse(ErrNotFound, "%s cannot be found.", what)
	case err != nil:
		return 0, fmt.Errorf("iam: %w", err)
	}
	return revision, decodeRecord(key, value, record)
}

// change is a set of records to write together, each on condition that it has not
// changed since it was read.
type change struct {
	expect map[string]uint64
	put    map[string][]byte
}

// set adds a record to write (nil deletes) and the revision it must still have (0: absent).
func (c *change) set(key string, revision uint64, record any) error {
	if c.expect == nil {
		c.expect, c.put = map[string]uint64{}, map[string][]byte{}
	}
	c.expect[key] = revision
	c.put[key] = nil
	if record == nil {
		return nil
	}
	value, err := encodeRecord(record)
	c.put[key] = value
	return err
}

// maxAttempts bounds how often a change is tried again after somebody else's.
const maxAttempts = 20

// commit prepares a change and commits it, again if a record changed meanwhile.
func (d *Directory) commit(ctx context.Context, prepare func(c *change) error) error {
	for range maxAttempts {
		var c change
		if err := prepare(&c); err != nil {
			return err
		}
		if len(c.put) == 0 {
			return nil
		}
		err := d.store.Commit(ctx, c.expect, c.put)
		d.cache.forget() // also after an unknown outcome
		if errors.Is(err, meta.ErrConflict) {
			continue
		}
		if err != nil {
			return fmt.Errorf("iam: %w", err)
		}
		return nil
	}
	return ErrConflict
}

// scanBatch is how many records list reads at a time.
const scanBatch = 256

// list calls fn with the records under a prefix in order of their names, after a name,
// until fn says that it has enough.
func list[T any](ctx context.Context, d *Directory, prefix, after string, fn func(*T) (more bool)) error {
	if after != "" {
		after = prefix + strings.ToLower(after)
	}
	for more := true; more; {
		var batch []T
		err := d.store.Scan(ctx, prefix, after, scanBatch, func(key string, value []byte, _ uint64) error {
			var record T
			after = key
			batch = append(batch, record)
			return decodeRecord(key, value, &batch[len(batch)-1])
		})
		if err != nil {
			return fmt.Errorf("iam: %w", err)
		}
		more = len(batch) == scanBatch
		for i := range batch {
			if !fn(&batch[i]) {
				return nil
			}
		}
	}
	return nil
}

// Page asks for part of a list.
type Page struct {
	PathPrefix string // "" or "/": all
	After      string // the name of the last entry that the caller has
	Limit      int    // at most DefaultPage if not above 0
}

// DefaultPage is the size of a page unless a request says otherwise, as IAM has it.
const DefaultPage = 100

func (p *Page) limit() int {
	if p.Limit <= 0 {
		return DefaultPage
	}
	return p.Limit
}

func (p *Page) wants(path string) bool { return strings.HasPrefix(path, p.PathPrefix) }

// now returns the time that records carry: whole seconds, as IAM answers.
func (d *Directory) now() time.Time { return d.clock().UTC().Truncate(time.Second) }
