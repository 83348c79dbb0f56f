package ec2api_test

import (
	"testing"

	"coffer.example/aead"
	"coffer.example/internal/awsapi"
	"coffer.example/internal/awsapi/awsapitest"
	"coffer.example/internal/awsapi/ec2api"
	"coffer.example/internal/ec2/ec2test"
	"coffer.example/internal/testkit"
	"coffer.example/kms"
	"github.com/stretchr/testify/require"
)

// front returns a front end over a world, with the keys that the scripts use:
// the root of two accounts, and a user with a policy.
func front(t *testing.T, w *ec2test.World) *awsapi.Front {
	secret := aead.NewSecret([]byte("0123456789abcdef0123456789abcdef"))
	tokens, err := aead.NewRecordKey(secret)
	require.NoError(t, err)
	user := awsapi.Principal{
		Account: ec2test.Account, ARN: "arn:aws:iam::" + ec2test.Account + ":user/alice", UserID: "AIDAALICE", UserName: "alice", Type: "IAMUser",
		Policies: []kms.Policy{{Name: "inline policy some of user alice", Document: alicePolicy}},
	}
	return awsapi.New(awsapi.Options{
		Services: []*awsapi.Service{ec2api.New(ec2api.Options{Service: w.Start(), Tokens: tokens})},
		Credentials: awsapitest.Keys{
			awsapitest.AccessKeyID: {Secret: awsapitest.Secret, Principal: awsapitest.Root(ec2test.Account)},
			"AKIAOTHER":            {Secret: awsapitest.Secret, Principal: awsapitest.Root(ec2test.OtherAccount)},
			"AKIAALICE":            {Secret: awsapitest.Secret, Principal: user},
		},
	})
}

// alicePolicy lets a user make volumes with a tag, and attach those that have it.
const alicePolicy = `{"Version": "2012-10-17", "Statement": [
	{"Effect": "Allow", "Action": ["ec2:Describe*"], "Resource": "*"},
	{"Effect": "Allow", "Action": ["ec2:CreateVolume"], "Resource": "arn:aws:ec2:*:111122223333:volume/*", "Condition": {"StringEquals": {"aws:RequestTag/team": "red"}}},
	{"Effect": "Allow", "Action": ["ec2:CreateTags"], "Resource": "*", "Condition": {"StringEquals": {"ec2:CreateAction": "CreateVolume"}}},
	{"Effect": "Allow", "Action": ["ec2:DeleteVolume"], "Resource": "*", "Condition": {"StringEquals": {"aws:ResourceTag/team": "red"}}},
	{"Effect": "Deny", "Action": ["ec2:DeleteVolume"], "Resource": "*", "Condition": {"StringEquals": {"aws:ResourceTag/keep": "yes"}}}
]}`

func serve(t *testing.T, w *ec2test.World) testkit.AWS {
	aws := awsapitest.Serve(t, front(t, w))
	aws.Region = ec2test.Region
	return aws
}

func TestScripts(t *testing.T) {
	awsapitest.Scripts(t, "testdata", func(t *testing.T) testkit.AWS {
		w := ec2test.New(t)
		return serve(t, w)
	})
}
