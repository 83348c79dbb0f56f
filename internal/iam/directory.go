package iam

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"time"

	"coffer.example/aead"
)

// DirectoryOptions configure a Directory.
type DirectoryOptions struct {
	Store Store
	// Tokens seals session tokens, derived under aead.LabelToken. Nil: there are no sessions.
	Tokens *aead.RecordKey
	Rand   io.Reader        // nil: crypto/rand
	Clock  func() time.Time // nil: time.Now
}

// Directory keeps accounts, users, roles, access keys and policies, and finds the
// credential of an access key. It caches credentials, and forgets them with every
// change made through it: one Directory at a time writes a store. It is safe for
// concurrent use.
type Directory struct {
	store  Store
	tokens *aead.RecordKey
	rand   io.Reader
	clock  func() time.Time
	cache  credentialCache
}

// NewDirectory returns the directory kept in a store.
func NewDirectory(o DirectoryOptions) *Directory {
	d := &Directory{store: o.Store, tokens: o.Tokens, rand: o.Rand, clock: o.Clock}
	if d.rand == nil {
		d.rand = rand.Reader
	}
	if d.clock == nil {
		d.clock = time.Now
	}
	return d
}

// Account is an account.
type Account struct {
	ID      string
	Created time.Time
	RootKey string // access key id of the account root
}

// accessKey is what is kept of an access key.
type accessKey struct {
	ID      string
	Account string
	User    string `json:",omitempty"` // empty: the account root
	Secret  string
	Active  bool
	Created time.Time
}

// CreateAccount makes an account with an access key for its root. Empty id or secret
// are generated. It fails with ErrExists if the account or the access key exists.
func (d *Directory) CreateAccount(ctx context.Context, account, accessKeyID, secret string) error {
	if !IsAccountID(account) {
		return refuse(ErrInvalid, "account id %q is not 12 digits", account)
	}
	key, err := d.newAccessKey(account, "", accessKeyID, secret)
	if err != nil {
		return err
	}
	return d.commit(ctx, func(c *change) error {
		if err := d.absent(ctx, accountKey(account), "account "+account); err != nil {
			return err
		}
		if err := d.absent(ctx, accessKeyKey(key.ID), "access key "+key.ID); err != nil {
			return err
		}
		return errors.Join(
			c.set(accountKey(account), 0, Account{account, d.now(), key.ID}),
			c.set(accessKeyKey(key.ID), 0, key))
	})
}

// absent fails with ErrExists if there is a record.
func (d *Directory) absent(ctx context.Context, key, what string) error {
	var any struct{}
	switch _, err := d.get(ctx, key, what, &any); {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	return refuse(ErrExists, "%s already exists.", what)
}

// GetAccount returns an account.
func (d *Directory) GetAccount(ctx context.Context, account string) (Account, error) {
	var a Account
	_, err := d.get(ctx, accountKey(account), "account "+account, &a)
	return a, err
}

// ListAccounts returns accounts in order of their ids.
func (d *Directory) ListAccounts(ctx context.Context, p Page) (accounts []Account, more bool, err error) {
	err = list(ctx, d, accountKey(""), p.After, func(a *Account) bool {
		if more = len(accounts) == p.limit(); !more {
			accounts = append(accounts, *a)
		}
		return !more
	})
	return accounts, more, err
}

// Summary counts the entities of an account.
type Summary struct{ Users, Roles, Policies, InstanceProfiles int }

// Summarize counts the entities of an account, by a scan.
func (d *Directory) Summarize(ctx context.Context, account string) (s Summary, err error) {
	for _, part := range []struct {
		prefix string
		count  *int
	}{
		{entityPrefix(User, account), &s.Users},
		{entityPrefix(Role, account), &s.Roles},
		{policyPrefix(account), &s.Policies},
		{profilePrefix(account), &s.InstanceProfiles},
	} {
		err = errors.Join(err, list(ctx, d, part.prefix, "", func(*struct{}) bool { *part.count++; return true }))
	}
	return s, err
}

// Credential is what an access key stands for, once a signature made with Secret is verified.
type Credential struct {
	AccessKeyID string
	Secret      string
	Principal   Principal
	Identity    []NamedText // identity policies
	Session     []NamedText // session policies; none: no limit
	Boundary    []NamedText // the permissions boundary; none: no limit
	Started     time.Time   // of a session
	Expires     time.Time   // of a session; zero for a permanent key
}

// NamedText is a policy document with the name by which a Decision refers to it.
type NamedText struct {
	Name string
	Text string
}

// Lookup returns the credential of an access key: a permanent one, or, with its
// session token, a temporary one. It fails with ErrNotFound if there is no such active
// key, ErrToken if the token is missing, forged or of another key, ErrExpired. The
// slices of the credential are shared: only read them.
func (d *Directory) Lookup(ctx context.Context, accessKeyID, sessionToken string) (Credential, error) {
	if sessionToken != "" {
		return d.lookupSession(ctx, accessKeyID, sessionToken)
	}
	if cred, ok := d.cache.get(accessKeyID, ""); ok {
		return cred, nil
	}
	generation := d.cache.generation()
	cred, err := d.lookupPermanent(ctx, accessKeyID)
	if err == nil {
		d.cache.put(generation, accessKeyID, "", cred)
	}
	return cred, err
}

func (d *Directory) lookupPermanent(ctx context.Context, id string) (Credential, error) {
	if checkAccessKeyID(id) != nil {
		return Credential{}, refuse(ErrNotFound, "access key")
	}
	var key accessKey
	if _, err := d.get(ctx, accessKeyKey(id), "access key "+id, &key); err != nil {
		return Credential{}, err
	}
	if !key.Active {
		return Credential{}, refuse(ErrNotFound, "access key %s is inactive", id)
	}
	cred := Credential{AccessKeyID: id, Secret: key.Secret}
	if key.User == "" {
		cred.Principal = rootPrincipal(key.Account)
		return cred, nil
	}
	user, err := d.Get(ctx, Ref{User, key.Account, key.User})
	if err != nil {
		return Credential{}, err
	}
	cred.Principal = user.principal()
	cred.Identity, cred.Boundary, err = d.policiesOf(ctx, &user)
	return cred, err
}

func rootPrincipal(account string) Principal {
	return Principal{Type: Root, Account: account, ARN: RootARN(account), UserID: account}
}
