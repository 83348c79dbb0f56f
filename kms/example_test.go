package kms_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"coffer.example/kms"
)

// open makes a directory and opens it, for the examples.
func open(dir string) (*kms.KMS, error) {
	o := kms.Options{Dir: filepath.Join(dir, "data"), Root: kms.RootKeyFile(filepath.Join(dir, "root.key")), Account: "111122223333"}
	if err := kms.Init(o); err != nil {
		return nil, err
	}
	return kms.Open(o)
}

// A new directory, a key, and a data key for a volume.
func Example() {
	dir, err := os.MkdirTemp("", "kms")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	keys, err := open(dir)
	if err != nil {
		panic(err)
	}
	defer keys.Close()
	ctx, root := context.Background(), keys.RootCaller()

	key, err := keys.CreateKey(ctx, root, kms.CreateKeyInput{Description: "volumes"})
	if err != nil {
		panic(err)
	}
	if err := keys.CreateAlias(ctx, root, kms.AliasInput{AliasName: "alias/volumes", TargetKeyID: key.ID}); err != nil {
		panic(err)
	}
	volume := map[string]string{"aws:ebs:id": "vol-1"}
	dek, wrapped, _, err := keys.Keyring().NewDataKey(ctx, "alias/volumes", volume)
	if err != nil {
		panic(err)
	}
	again, err := keys.Keyring().Unwrap(ctx, wrapped, volume)
	fmt.Println(dek.Secret().Equal(again.Secret()), err)
	_, err = keys.Keyring().Unwrap(ctx, wrapped, map[string]string{"aws:ebs:id": "vol-2"})
	fmt.Println(errors.Is(err, kms.ErrInvalidCiphertext))
	fmt.Println(dek) // keys do not print
	// Output:
	// true <nil>
	// true
	// [redacted]
}

// A grant lets somebody without any policy use a key under one context.
func ExampleKMS_CreateGrant() {
	dir, err := os.MkdirTemp("", "kms")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	keys, err := open(dir)
	if err != nil {
		panic(err)
	}
	defer keys.Close()
	ctx, root := context.Background(), keys.RootCaller()
	key, err := keys.CreateKey(ctx, root, kms.CreateKeyInput{})
	if err != nil {
		panic(err)
	}
	backup := kms.Caller{Account: "111122223333", Type: "IAMUser", ARN: "arn:aws:iam::111122223333:user/backup", UserName: "backup"}
	use := func(job string) error {
		_, err := keys.GenerateDataKey(ctx, backup, kms.GenerateDataKeyInput{
			KeyID: key.ID, KeySpec: "AES_256", EncryptionContext: map[string]string{"job": job}})
		return err
	}
	fmt.Println(errors.Is(use("nightly"), kms.ErrAccessDenied))
	grant, err := keys.CreateGrant(ctx, root, kms.CreateGrantInput{KeyID: key.ID, GranteePrincipal: backup.ARN,
		Operations: []string{"GenerateDataKey"}, EncryptionContextEquals: map[string]string{"job": "nightly"}})
	if err != nil {
		panic(err)
	}
	fmt.Println(use("nightly"), errors.Is(use("other"), kms.ErrAccessDenied))
	if err := keys.RevokeGrant(ctx, root, kms.RevokeGrantInput{KeyID: key.ID, GrantID: grant.GrantID}); err != nil {
		panic(err)
	}
	fmt.Println(errors.Is(use("nightly"), kms.ErrAccessDenied))
	// Output:
	// true
	// <nil> true
	// true
}

// recorder shows the events of a KMS.
type recorder struct{}

func (recorder) Record(_ context.Context, event []byte) error {
	fmt.Println(len(event) > 0)
	return nil
}

// Every call is recorded before it is answered.
func ExampleRecorder() {
	dir, err := os.MkdirTemp("", "kms")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	keys, err := open(dir)
	if err != nil {
		panic(err)
	}
	defer keys.Close()
	keys.SetRecorder(recorder{})
	_, err = keys.ListKeys(context.Background(), keys.RootCaller(), kms.ListKeysInput{})
	fmt.Println(err)
	// Output:
	// true
	// <nil>
}
