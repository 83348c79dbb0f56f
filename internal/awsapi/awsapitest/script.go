package awsapitest

import (
	_ "embed"
	"os"
	"path/filepath"
	"testing"

	"coffer.example/internal/testkit"
)

//go:embed runner.py
var runner string

// Scripts runs every API script of a directory with boto3, each against a service of its own. A script is text:
//
//	# a comment
//	use KEYID SECRET [REGION [TOKEN]]            the key of the calls that follow
//	kms.create_key {"Description": "$text"}      a call of boto3; the JSON may go on in indented lines
//	    id = KeyMetadata.KeyId                   keeps a part of the answer
//	    KeyMetadata.KeyState == "Enabled"        compares a part with JSON
//	    KeyMetadata.Arn ~ arn:aws:kms:.*:key/$id matches a part with a regular expression
//	    len(Keys) == 3                           or its length, or keys(…)
//	kms.describe_key {"KeyId": "nothing"}
//	    ! NotFoundException 400 Invalid keyId 'nothing'
//
//	needs kms.RotateKeyOnDemand                  leaves out what follows, where botocore is too
//	…                                            old for an operation, or a member of a shape
//	always                                       (kms.EncryptRequest.DryRun), up to here
//	    [kms.DecryptResponse.KeyMaterialId] KeyMaterialId ~ .+      and this for one check
//
// The message of an error may end in .* to leave its rest open. What needs a new
// botocore is in the tests of sdktest too.
//
// An error that no line expects fails. Parameters are sent as they stand: boto3 validates none.
func Scripts(t *testing.T, dir string, serve func(t *testing.T) testkit.AWS) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scripts in %s: %v", dir, err)
	}
	var args []string
	var aws testkit.AWS
	for _, path := range paths {
		if _, err := os.Stat(path); err != nil { // so that the test cache sees the script
			t.Fatal(err)
		}
		aws = serve(t)
		args = append(args, aws.Endpoint, path)
	}
	// One Python runs them all: its start is most of the time.
	command := aws.Boto3(t, runner)
	command.Args = append(command.Args, args...)
	if result := command.Do(t); result.Status != 0 {
		t.Errorf("%s%s", result.Stdout, result.Stderr)
	}
}
