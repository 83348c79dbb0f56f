// Package stsapi is the AWS STS API: who am I, and temporary keys.
package stsapi

import (
	"context"

	"coffer.example/internal/awsapi"
)

// New returns the service.
func New() *awsapi.Service {
	return &awsapi.Service{
		Name: "sts", Protocol: awsapi.Query, Version: "2011-06-15", Namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
		QuerySigned: true, MaxBody: 64 << 10, InternalCode: "InternalFailure",
		Operations: map[string]awsapi.Operation{
			"GetCallerIdentity": awsapi.ReadOnly(awsapi.Op(getCallerIdentity)),
		},
	}
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
