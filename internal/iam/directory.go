package iam

import (
	"context"
	"errors"
	"io"
	"time"
)

// Errors of the Directory.
var (
	ErrNotFound = errors.New("iam: no such entity")
	ErrExists   = errors.New("iam: entity already exists")
	ErrInvalid  = errors.New("iam: invalid argument")
	ErrLimit    = errors.New("iam: limit exceeded")
	ErrConflict = errors.New("iam: delete conflict")
	ErrExpired  = errors.New("iam: temporary credentials have expired")
)

// Store is where a Directory keeps its records; internal/meta has the contract. Its values are sealed by the store.
type Store interface {
	Get(ctx context.Context, key string) (value []byte, revision uint64, err error)
	Scan(ctx context.Context, prefix, after string, limit int, fn func(key string, value []byte, revision uint64) error) error
	Commit(ctx context.Context, expect map[string]uint64, put map[string][]byte) error
}

// DirectoryOptions configure a Directory.
type DirectoryOptions struct {
	Store Store
	Rand  io.Reader        // nil: crypto/rand
	Now   func() time.Time // nil: time.Now
}

// Directory keeps accounts, users, roles, access keys and policies. It is safe for concurrent use.
type Directory struct{ opts DirectoryOptions }

// NewDirectory returns the directory kept in a store.
func NewDirectory(o DirectoryOptions) *Directory { return &Directory{opts: o} }

// Credential is what an access key proves, once its signature is checked with Secret.
type Credential struct {
	AccessKeyID string
	Secret      string
	Principal   Principal
	Identity    []NamedText // identity policies
	Session     []NamedText // session policies
	Expires     time.Time   // zero for a permanent key
}

// NamedText is a policy document with the name by which a Decision refers to it.
type NamedText struct {
	Name string
	Text string
}

// Lookup returns the credential of a permanent access key, or ErrNotFound.
func (d *Directory) Lookup(ctx context.Context, accessKeyID string) (Credential, error) {
	return Credential{}, ErrNotFound
}

// CreateAccount makes an account with a root access key; ErrExists if either exists.
func (d *Directory) CreateAccount(ctx context.Context, account, accessKeyID, secret string) error {
	return nil
}
