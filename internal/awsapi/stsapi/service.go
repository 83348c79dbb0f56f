// Package stsapi is the AWS STS API over iam.Directory: who am I, and temporary keys.
// A role's trust policy and the caller's identity policies decide who assumes it;
// session tokens are sealed by the directory and stored nowhere.
package stsapi

import (
	"context"
	"errors"
	"net/http"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/iam"
)

// Options configure the service.
type Options struct {
	Directory  *iam.Directory
	Authorizer *awsapi.Authorizer
}

// maxBody is above the largest AssumeRole, which has tags and a session policy.
const maxBody = 128 << 10

type api struct {
	directory *iam.Directory
	auth      *awsapi.Authorizer
}

// New returns the service.
func New(o Options) *awsapi.Service {
	a := &api{o.Directory, o.Authorizer}
	return &awsapi.Service{
		Name: "sts", Protocol: awsapi.Query, Version: "2011-06-15", Namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
		QuerySigned: true, MaxBody: maxBody, InternalCode: "InternalFailure", Errors: wireError,
		Operations: map[string]awsapi.Operation{
			"GetCallerIdentity": awsapi.ReadOnly(awsapi.Op(getCallerIdentity)),
			"GetAccessKeyInfo":  awsapi.ReadOnly(awsapi.Op(a.getAccessKeyInfo)),
			"GetSessionToken":   awsapi.ReadOnly(awsapi.Op(a.getSessionToken)),
			"AssumeRole":        awsapi.ReadOnly(awsapi.Op(a.assumeRole)),
		},
	}
}

// wireError maps an error of the directory, nil for one that is not the caller's business.
func wireError(err error) *awsapi.Error {
	switch {
	case errors.Is(err, iam.ErrMalformedPolicy):
		return awsapi.Errorf("MalformedPolicyDocument", "%s", iam.Message(err))
	case errors.Is(err, iam.ErrPolicyTooLarge):
		return awsapi.Errorf("PackedPolicyTooLarge", "%s", iam.Message(err))
	case errors.Is(err, iam.ErrInvalid), errors.Is(err, iam.ErrNotFound), errors.Is(err, iam.ErrLimit):
		return awsapi.Errorf("ValidationError", "%s", iam.Message(err))
	}
	return nil
}

func accessDenied(message string) error {
	return &awsapi.Error{Code: "AccessDenied", Message: message, Status: http.StatusForbidden}
}

type getCallerIdentityInput struct{}

type getCallerIdentityOutput struct {
	ARN     string `xml:"Arn"`
	UserID  string `xml:"UserId"`
	Account string `xml:"Account"`
}

// getCallerIdentity needs no permission, as on AWS.
func getCallerIdentity(_ context.Context, r *awsapi.Request, _ *getCallerIdentityInput) (any, error) {
	p := r.Principal
	return &getCallerIdentityOutput{ARN: p.ARN, UserID: p.UserID, Account: p.Account}, nil
}

type getAccessKeyInfoInput struct {
	AccessKeyID string `api:"AccessKeyId,required" len:"16..128" pattern:"[\\w]*"`
}

type getAccessKeyInfoOutput struct {
	Account string `xml:"Account"`
}

func (a *api) getAccessKeyInfo(ctx context.Context, r *awsapi.Request, in *getAccessKeyInfoInput) (any, error) {
	if err := a.auth.Check(r, awsapi.Access{Action: "sts:GetAccessKeyInfo", Resource: "*"}); err != nil {
		return nil, err
	}
	account, err := a.directory.AccessKeyAccount(ctx, in.AccessKeyID)
	if err != nil {
		return nil, err
	}
	return &getAccessKeyInfoOutput{account}, nil
}
