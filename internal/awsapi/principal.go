package awsapi

import (
	"context"
	"errors"
	"time"

	"coffer.example/kms"
)

// Principal is who signed a request.
type Principal struct {
	Account  string // 12 digits
	ARN      string
	RoleARN  string // of a session's role, with its path; empty where ARN says it all
	UserID   string // aws:userid
	UserName string // of a user; of a session, its role's name
	Type     string // Root, IAMUser, AssumedRole
	Tags     map[string]string
	// Policies are its identity policies, SessionPolicies those that limit a session.
	Policies        []kms.Policy
	SessionPolicies []kms.Policy
	// Boundary is its permissions boundary, at most one.
	Boundary       []kms.Policy
	SessionStarted time.Time
}

// Caller returns the request's principal as the KMS and the services that call it know it.
func (r *Request) Caller() kms.Caller {
	p := r.Principal
	return kms.Caller{
		Account: p.Account, ARN: p.ARN, RoleARN: p.RoleARN, UserID: p.UserID, UserName: p.UserName, Type: p.Type,
		Tags: p.Tags, Policies: p.Policies, SessionPolicies: p.SessionPolicies, Boundary: p.Boundary, SessionStarted: p.SessionStarted,
		AccessKeyID: r.AccessKeyID, Region: r.Region, SourceIP: r.SourceIP, UserAgent: r.UserAgent,
		RequestID: r.ID, Insecure: r.HTTP.TLS == nil,
	}
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
