package awsapi

import (
	"context"
	"errors"

	"coffer.example/internal/iam"
	"coffer.example/kms"
)

// DirectoryCredentials are the credentials of an IAM directory.
type DirectoryCredentials struct{ Directory *iam.Directory }

// Lookup implements Credentials.
func (d DirectoryCredentials) Lookup(ctx context.Context, accessKeyID, sessionToken string) (Credential, error) {
	c, err := d.Directory.Lookup(ctx, accessKeyID, sessionToken)
	switch {
	case errors.Is(err, iam.ErrExpired):
		return Credential{}, ErrExpiredToken
	case errors.Is(err, iam.ErrToken):
		return Credential{}, ErrInvalidToken
	case errors.Is(err, iam.ErrNotFound):
		return Credential{}, ErrUnknownKey
	case err != nil:
		return Credential{}, err
	}
	p := c.Principal
	return Credential{Secret: c.Secret, Principal: Principal{
		Account: p.Account, ARN: p.ARN, RoleARN: p.RoleARN, UserID: p.UserID, UserName: p.UserName, Type: string(p.Type),
		Tags: p.Tags, Policies: documents(c.Identity), SessionPolicies: documents(c.Session), Boundary: documents(c.Boundary), SessionStarted: c.Started,
	}}, nil
}

func documents(texts []iam.NamedText) []kms.Policy {
	if texts == nil {
		return nil
	}
	out := make([]kms.Policy, len(texts))
	for i, t := range texts {
		out[i] = kms.Policy{Name: t.Name, Document: t.Text}
	}
	return out
}
