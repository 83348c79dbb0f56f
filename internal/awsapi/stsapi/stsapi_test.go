package stsapi

import (
	"testing"

	"coffer.example/aead"
	"coffer.example/internal/awsapi"
	"coffer.example/internal/awsapi/awsapitest"
	"coffer.example/internal/awsapi/iamapi"
	"coffer.example/internal/iam"
	"coffer.example/internal/meta/memmeta"
	"coffer.example/internal/testkit"
	"github.com/stretchr/testify/require"
)

// serve serves sts and iam over a directory with two accounts.
func serve(t *testing.T) testkit.AWS {
	tokens, err := aead.NewRecordKey(aead.NewSecret(make([]byte, aead.KeySize)))
	require.NoError(t, err)
	d := iam.NewDirectory(iam.DirectoryOptions{Store: memmeta.New(), Tokens: tokens})
	require.NoError(t, d.CreateAccount(t.Context(), awsapitest.Account, awsapitest.AccessKeyID, awsapitest.Secret))
	require.NoError(t, d.CreateAccount(t.Context(), "444455556666", "AKIAI44QH8DHBEXAMPLE", "je7MtGbClwBF2Zp9Utk"))
	auth := awsapi.NewAuthorizer()
	return awsapitest.Serve(t, awsapi.New(awsapi.Options{
		Services: []*awsapi.Service{
			New(Options{Directory: d, Authorizer: auth}),
			iamapi.New(iamapi.Options{Directory: d, Authorizer: auth, Tokens: tokens}),
		},
		Credentials: awsapi.DirectoryCredentials{Directory: d},
	}))
}

func TestScripts(t *testing.T) { awsapitest.Scripts(t, "testdata", serve) }

func TestCLI(t *testing.T) {
	aws := serve(t)
	require.Equal(t, "111122223333\tarn:aws:iam::111122223333:root", aws.Query(t, "[Account,Arn]", "sts", "get-caller-identity"))
	require.Contains(t, aws.Fail(t, "sts", "get-federation-token", "--name", "xx"), "An error occurred (InvalidAction) when calling the GetFederationToken operation")
}
