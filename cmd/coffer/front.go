package main

import (
	"context"
	"errors"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/awsapi/kmsapi"
	"coffer.example/internal/awsapi/stsapi"
	"coffer.example/internal/iam"
	"coffer.example/kms"
)

// openFront puts the services behind one front end.
func (s *stack) openFront(context.Context) error {
	var credentials awsapi.Credentials = directoryCredentials{s.people}
	if s.dir.dev {
		credentials = devCredentials{credentials}
	}
	s.front = awsapi.New(awsapi.Options{
		Services:    []*awsapi.Service{kmsapi.New(s.keys), stsapi.New()},
		Credentials: credentials,
		Recorder:    s.trail,
		Hosts:       s.hosts,
		Logger:      s.log,
	})
	return nil
}

// directoryCredentials are the access keys of the directory's accounts and users.
type directoryCredentials struct{ people *iam.Directory }

// Lookup implements awsapi.Credentials.
func (c directoryCredentials) Lookup(ctx context.Context, accessKeyID, sessionToken string) (awsapi.Credential, error) {
	found, err := c.people.Lookup(ctx, accessKeyID)
	switch {
	case errors.Is(err, iam.ErrNotFound):
		return awsapi.Credential{}, awsapi.ErrUnknownKey
	case err != nil:
		return awsapi.Credential{}, err
	case sessionToken != "":
		return awsapi.Credential{}, awsapi.ErrInvalidToken // a permanent key has none
	}
	p := found.Principal
	return awsapi.Credential{Secret: found.Secret, Principal: awsapi.Principal{
		Account: p.Account, ARN: p.ARN, RoleARN: p.RoleARN, UserID: p.UserID, UserName: p.UserName, Type: string(p.Type),
		Tags: p.Tags, Policies: policies(found.Identity), SessionPolicies: policies(found.Session),
	}}, nil
}

func policies(texts []iam.NamedText) []kms.Policy {
	var out []kms.Policy
	for _, one := range texts {
		out = append(out, kms.Policy{Name: one.Name, Document: one.Text})
	}
	return out
}
