package kmsapi

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/awsapi/awsapitest"
	"coffer.example/internal/testkit"
	"coffer.example/kms"
	"github.com/stretchr/testify/require"
)

// The second account of the tests.
const (
	otherAccount = "444455556666"
	otherKeyID   = "AKIAI44QH8DHBEXAMPLE"
	otherSecret  = "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY"
)

// newKMS makes a KMS on a new directory.
func newKMS(t testing.TB) *kms.KMS {
	dir := t.TempDir()
	o := kms.Options{Dir: filepath.Join(dir, "data"), Root: kms.RootKeyFile(filepath.Join(dir, "root.key")), Account: awsapitest.Account}
	require.NoError(t, kms.Init(o))
	k, err := kms.Open(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, k.Close()) })
	return k
}

func serve(t *testing.T) testkit.AWS {
	user := awsapitest.Root(awsapitest.Account)
	user.ARN, user.UserID, user.UserName, user.Type = "arn:aws:iam::111122223333:user/alice", "AIDACKCEVSQ6C2EXAMPLE", "alice", "IAMUser"
	return awsapitest.Serve(t, awsapi.New(awsapi.Options{
		Services: []*awsapi.Service{New(newKMS(t))},
		Credentials: awsapitest.Keys{
			awsapitest.AccessKeyID: {Secret: awsapitest.Secret, Principal: awsapitest.Root(awsapitest.Account)},
			otherKeyID:             {Secret: otherSecret, Principal: awsapitest.Root(otherAccount)},
			"AKIAALICE":            {Secret: "alice", Principal: user},
		},
	}))
}

func TestScripts(t *testing.T) { awsapitest.Scripts(t, "testdata", serve) }

// TestCLI goes once around with the real AWS CLI.
func TestCLI(t *testing.T) {
	aws := serve(t)
	id := aws.Query(t, "KeyMetadata.KeyId", "kms", "create-key", "--description", "by the CLI", "--tags", "TagKey=a,TagValue=b")
	plain := filepath.Join(t.TempDir(), "plain")
	require.NoError(t, os.WriteFile(plain, []byte("hello"), 0o600))
	blob := aws.Query(t, "CiphertextBlob", "kms", "encrypt", "--key-id", id, "--plaintext", "fileb://"+plain, "--encryption-context", "a=b")
	file := filepath.Join(t.TempDir(), "blob")
	raw, err := base64.StdEncoding.DecodeString(blob)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, raw, 0o600))
	require.Equal(t, "aGVsbG8=", aws.Query(t, "Plaintext", "kms", "decrypt", "--ciphertext-blob", "fileb://"+file, "--encryption-context", "a=b"))
	// An old CLI adds how often it tried.
	require.Regexp(t, `^\s*An error occurred \(InvalidCiphertextException\) when calling the Decrypt operation( \(.*\))?:\s*$`,
		aws.Fail(t, "kms", "decrypt", "--ciphertext-blob", "fileb://"+file, "--encryption-context", "a=c"))
}
