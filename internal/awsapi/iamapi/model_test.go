package iamapi

import (
	"testing"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/awsapi/awsapitest"
)

func TestConstraintsAreTheModels(t *testing.T) {
	awsapitest.Constraints{
		Service: New(Options{Authorizer: awsapi.NewAuthorizer()}), Model: "testdata/model.json", NoPatterns: true, Least: 100,
		Silent: []string{"Marker", "PolicyDocument", "AssumeRolePolicyDocument"},
	}.Check(t)
}
