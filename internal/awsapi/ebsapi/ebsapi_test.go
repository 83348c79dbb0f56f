package ebsapi_test

import (
	_ "embed"
	"testing"

	"coffer.example/aead"
	"coffer.example/internal/awsapi"
	"coffer.example/internal/awsapi/awsapitest"
	"coffer.example/internal/awsapi/ebsapi"
	"coffer.example/internal/awsapi/ec2api"
	"coffer.example/internal/ec2/ec2test"
	"github.com/stretchr/testify/require"
)

//go:embed testdata/direct.py
var direct string

func TestBoto3(t *testing.T) {
	tokens, err := aead.NewRecordKey(aead.NewSecret([]byte("0123456789abcdef0123456789abcdef")))
	require.NoError(t, err)
	s := ec2test.New(t).Start()
	aws := awsapitest.Serve(t, awsapi.New(awsapi.Options{
		Services: []*awsapi.Service{
			ebsapi.New(ebsapi.Options{Service: s, Tokens: tokens}),
			ec2api.New(ec2api.Options{Service: s, Tokens: tokens}),
		},
		Credentials: awsapitest.Keys{
			awsapitest.AccessKeyID: {Secret: awsapitest.Secret, Principal: awsapitest.Root(ec2test.Account)},
			"AKIAOTHER":            {Secret: awsapitest.Secret, Principal: awsapitest.Root(ec2test.OtherAccount)},
		},
	}))
	aws.Region = ec2test.Region
	aws.Boto3(t, direct).Succeed(t)
}
