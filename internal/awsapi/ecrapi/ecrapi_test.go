package ecrapi_test

import (
	"net/http"
	"testing"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/awsapi/awsapitest"
	"coffer.example/internal/awsapi/ecrapi"
	"coffer.example/internal/awsapi/kmsapi"
	"coffer.example/internal/awsapi/ociapi"
	"coffer.example/internal/ecr/ecrtest"
	"coffer.example/internal/testkit"
	"coffer.example/kms"
	"github.com/stretchr/testify/require"
)

// serve serves a registry with the keys that the scripts use: the root of two accounts, and a user who may do
// everything with ECR and nothing with KMS.
func serve(t *testing.T) testkit.AWS {
	w := ecrtest.New(t)
	s := w.Start()
	alice := awsapi.Principal{
		Account: ecrtest.Account, ARN: "arn:aws:iam::" + ecrtest.Account + ":user/alice", UserID: "AIDAALICE", UserName: "alice", Type: "IAMUser",
		Policies: []kms.Policy{{Name: "inline policy ecr of user alice", Document: ecrtest.Allow("ecr:*")}},
	}
	credentials := awsapitest.Keys{
		awsapitest.AccessKeyID: {Secret: awsapitest.Secret, Principal: awsapitest.Root(ecrtest.Account)},
		"AKIAOTHER":            {Secret: "other", Principal: awsapitest.Root(ecrtest.OtherAccount)},
		"AKIAALICE":            {Secret: "alice", Principal: alice},
	}
	tokens := w.Keys.TokenKey()
	return awsapitest.Serve(t, awsapi.New(awsapi.Options{
		Services:    []*awsapi.Service{kmsapi.New(w.Keys), ecrapi.New(ecrapi.Options{Service: s, Tokens: tokens})},
		Credentials: credentials,
		Mounts: map[string]http.Handler{ociapi.Prefix: ociapi.New(ociapi.Options{
			Service: s, Tokens: ociapi.Tokens{Key: tokens}, Credentials: credentials,
		})},
	}))
}

func TestScripts(t *testing.T) { awsapitest.Scripts(t, "testdata", serve) }

// TestCLI goes once around with the real AWS CLI.
func TestCLI(t *testing.T) {
	aws := serve(t)
	uri := aws.Query(t, "repository.repositoryUri", "ecr", "create-repository", "--repository-name", "app/web", "--encryption-configuration", "encryptionType=KMS", "--tags", "Key=a,Value=b")
	require.Equal(t, aws.Endpoint, "http://"+uri[:len(uri)-len("/app/web")])
	require.NotEmpty(t, aws.Succeed(t, "ecr", "get-login-password"))
	require.Equal(t, "b", aws.Query(t, "tags[0].Value", "ecr", "list-tags-for-resource", "--resource-arn", "arn:aws:ecr:us-east-1:111122223333:repository/app/web"))
	require.Contains(t, aws.Fail(t, "ecr", "get-lifecycle-policy", "--repository-name", "app/web"), "LifecyclePolicyNotFoundException")
	aws.Succeed(t, "ecr", "delete-repository", "--repository-name", "app/web")
	require.Contains(t, aws.Fail(t, "ecr", "describe-repositories", "--repository-names", "app/web"), "The repository with name 'app/web' does not exist in the registry with id '111122223333'")
}
