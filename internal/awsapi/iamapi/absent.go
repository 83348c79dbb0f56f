package iamapi

import (
	"context"
	"net/http"

	"coffer.example/internal/awsapi"
)

// absent are the questions that Terraform asks before it deletes a user, about things
// that no user has here.
func (a *api) absent() map[string]awsapi.Operation {
	return map[string]awsapi.Operation{
		"GetLoginProfile":                read(a, getLoginProfile),
		"ListMFADevices":                 read(a, listNone[mfaDevices, ownListInput]),
		"ListSigningCertificates":        read(a, listNone[certificates, ownListInput]),
		"ListSSHPublicKeys":              read(a, listNone[sshPublicKeys, ownAttachedListInput]),
		"ListServiceSpecificCredentials": read(a, listNone[serviceSpecificCredentials, ownAttachedListInput]),
	}
}

type mfaDevices struct {
	List awsapi.Members[struct{}] `xml:"MFADevices"`
	truncation
}

type certificates struct {
	List awsapi.Members[struct{}] `xml:"Certificates"`
	truncation
}

type sshPublicKeys struct {
	List awsapi.Members[struct{}] `xml:"SSHPublicKeys"`
	truncation
}

type serviceSpecificCredentials struct {
	List awsapi.Members[struct{}] `xml:"ServiceSpecificCredentials"`
	truncation
}

// ownListInput asks for a list of a user, or of the caller.
type ownListInput struct {
	ownUser
	paging
}

type ownAttachedListInput struct {
	ownAttachedUser
	paging
}

// ofUser is a pointer to an input that names a user.
type ofUser[In any] interface {
	*In
	needUser(c *call) (string, error)
}

func listNone[Out, In any, P ofUser[In]](ctx context.Context, c *call, in P) (any, error) {
	name, err := in.needUser(c)
	if err != nil {
		return nil, err
	}
	if _, err := c.directory.Get(ctx, userName{name}.ref(c)); err != nil {
		return nil, err
	}
	return new(Out), nil
}

func getLoginProfile(_ context.Context, c *call, in *ownAttachedUser) (any, error) {
	name, err := in.needUser(c)
	if err != nil {
		return nil, err
	}
	return nil, &awsapi.Error{Code: "NoSuchEntity", Status: http.StatusNotFound, Message: "Login Profile for User " + name + " cannot be found."}
}
