package awsapi

import (
	"context"
	"errors"
)

// Principal is who signed a request.
type Principal struct {
	Account  string // 12 digits
	ARN      string
	UserID   string // aws:userid
	UserName string // of a user; of a session, its role's name
	Type     string // Root, IAMUser, AssumedRole, FederatedUser
	Policies []string
}

// Credential is an access key with its secret and the principal it stands for.
type Credential struct {
	Secret    string
	Principal Principal
}

// Credentials finds the credential of an access key. The session token is what the
// request carries, empty for none. Lookup is called before the signature is checked, so it must
// not reveal more than its errors do, and must not change anything.
type Credentials interface {
	Lookup(ctx context.Context, accessKeyID, sessionToken string) (Credential, error)
}

// Errors of Credentials. Any other error is an internal failure.
var (
	// ErrUnknownKey: there is no such active access key.
	ErrUnknownKey = errors.New("awsapi: unknown access key")
	// ErrInvalidToken: the session token is not one of this access key, or is missing.
	ErrInvalidToken = errors.New("awsapi: invalid session token")
	// ErrExpiredToken: the session token is genuine and has expired.
	ErrExpiredToken = errors.New("awsapi: expired session token")
)
