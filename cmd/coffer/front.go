package main

import (
	"context"
	"net/http"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/awsapi/ebsapi"
	"coffer.example/internal/awsapi/ec2api"
	"coffer.example/internal/awsapi/ecrapi"
	"coffer.example/internal/awsapi/iamapi"
	"coffer.example/internal/awsapi/kmsapi"
	"coffer.example/internal/awsapi/ociapi"
	"coffer.example/internal/awsapi/rdsapi"
	"coffer.example/internal/awsapi/stsapi"
)

// resetPath empties a --dev directory.
const resetPath = "/_coffer/reset"

// openFront puts the services behind one front end.
func (s *stack) openFront(context.Context) error {
	var credentials awsapi.Credentials = awsapi.DirectoryCredentials{Directory: s.people}
	mounts := map[string]http.Handler{}
	if s.dir.dev {
		credentials = awsapi.DevCredentials{Next: credentials}
		mounts[resetPath] = s.reset(credentials)
	}
	mounts[ociapi.Prefix] = ociapi.New(ociapi.Options{
		Service: s.images, Tokens: ociapi.Tokens{Key: s.keys.TokenKey()}, Credentials: credentials, Recorder: s.trail, Logger: s.log,
	})
	s.front = awsapi.New(awsapi.Options{
		Services: []*awsapi.Service{
			kmsapi.New(s.keys),
			stsapi.New(stsapi.Options{Directory: s.people, Authorizer: awsapi.NewAuthorizer()}),
			iamapi.New(iamapi.Options{Directory: s.people, Authorizer: awsapi.NewAuthorizer(), Tokens: s.keys.TokenKey()}),
			ec2api.New(ec2api.Options{Service: s.machines, Tokens: s.keys.TokenKey()}),
			ebsapi.New(ebsapi.Options{Service: s.machines, Tokens: s.keys.TokenKey()}),
			rdsapi.New(rdsapi.Options{Service: s.bases, Tokens: s.keys.TokenKey()}),
			ecrapi.New(ecrapi.Options{Service: s.images, Tokens: s.keys.TokenKey()}),
		},
		Credentials: credentials,
		Recorder:    s.trail,
		Hosts:       s.hosts,
		Mounts:      mounts,
		Logger:      s.log,
	})
	return nil
}
