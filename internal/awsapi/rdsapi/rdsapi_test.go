package rdsapi_test

import (
	_ "embed"
	"maps"
	"slices"
	"strings"
	"testing"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/awsapi/awsapitest"
	"coffer.example/internal/awsapi/kmsapi"
	"coffer.example/internal/awsapi/rdsapi"
	"coffer.example/internal/rds/rdstest"
	"coffer.example/internal/testkit"
	"coffer.example/kms"
	"github.com/stretchr/testify/require"
)

// alicePolicy lets a user make clusters with a tag, look at everything, and delete what has the tag.
const alicePolicy = `{"Version": "2012-10-17", "Statement": [
	{"Effect": "Allow", "Action": ["rds:Describe*", "rds:ListTagsForResource"], "Resource": "*"},
	{"Effect": "Allow", "Action": ["rds:CreateDBCluster"], "Resource": "arn:aws:rds:*:111122223333:cluster:alice-*", "Condition": {"StringEquals": {"aws:RequestTag/team": "red"}, "Bool": {"rds:StorageEncrypted": "true"}}},
	{"Effect": "Allow", "Action": ["rds:DeleteDBCluster"], "Resource": "*", "Condition": {"StringEquals": {"aws:ResourceTag/team": "red"}}}
]}`

// front returns a front end over a world, with the keys that the scripts use: the root of two accounts, and a user with a policy.
func front(w *rdstest.World) *awsapi.Front {
	alice := awsapi.Principal{
		Account: rdstest.Account, ARN: "arn:aws:iam::" + rdstest.Account + ":user/alice", UserID: "AIDAALICE", UserName: "alice", Type: "IAMUser",
		Policies: []kms.Policy{{Name: "inline policy some of user alice", Document: alicePolicy}},
	}
	tokens := w.Keys.TokenKey()
	return awsapi.New(awsapi.Options{
		Services: []*awsapi.Service{kmsapi.New(w.Keys), rdsapi.New(rdsapi.Options{Service: w.Start(), Tokens: tokens})},
		Credentials: awsapitest.Keys{
			awsapitest.AccessKeyID: {Secret: awsapitest.Secret, Principal: awsapitest.Root(rdstest.Account)},
			"AKIAOTHER":            {Secret: "other", Principal: awsapitest.Root(rdstest.OtherAccount)},
			"AKIAALICE":            {Secret: "alice", Principal: alice},
		},
	})
}

func serve(t *testing.T) testkit.AWS { return awsapitest.Serve(t, front(rdstest.New(t))) }

func TestScripts(t *testing.T) { awsapitest.Scripts(t, "testdata", serve) }

//go:embed testdata/waiters.py
var waiters string

func TestWaitersAndPaginators(t *testing.T) { serve(t).Boto3(t, waiters).Succeed(t) }

//go:embed testdata/model.py
var model string

func TestAnswersAreTheModels(t *testing.T) {
	names := slices.Sorted(maps.Keys(rdsapi.New(rdsapi.Options{}).Operations))
	command := serve(t).Boto3(t, model)
	command.Env = append(command.Env, "OPERATIONS="+strings.Join(names, " "))
	command.Succeed(t)
}

// TestCLI goes once around with the real AWS CLI, which signs a request of its own for a copy between Regions.
func TestCLI(t *testing.T) {
	aws := serve(t)
	require.Equal(t, "creating\tTrue\tsse-kms", aws.Query(t, "DBInstance.[DBInstanceStatus,StorageEncrypted,StorageEncryptionType]", "rds", "create-db-instance",
		"--db-instance-identifier", "main", "--db-instance-class", "db.t4g.micro", "--engine", "postgres", "--allocated-storage", "20", "--storage-encrypted",
		"--master-username", "me", "--master-user-password", "not-kept-here", "--tags", "Key=a,Value=b"))
	aws.Succeed(t, "rds", "create-db-snapshot", "--db-instance-identifier", "main", "--db-snapshot-identifier", "snap")
	far := aws
	far.Region = "eu-central-1"
	key := far.Query(t, "KeyMetadata.KeyId", "kms", "create-key")
	require.Equal(t, "arn:aws:rds:eu-central-1:111122223333:snapshot:copy", far.Query(t, "DBSnapshot.DBSnapshotArn", "rds", "copy-db-snapshot", "--source-region", "us-east-1",
		"--source-db-snapshot-identifier", "arn:aws:rds:us-east-1:111122223333:snapshot:snap", "--target-db-snapshot-identifier", "copy", "--kms-key-id", key))
	require.Regexp(t, `\(DBInstanceNotFound\) when calling the StopDBInstance operation.*: DBInstance none not found\.`, aws.Fail(t, "rds", "stop-db-instance", "--db-instance-identifier", "none"))
}
