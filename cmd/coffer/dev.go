package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"coffer.example/internal/awsapi"
	"coffer.example/kms"
)

// The well-known credentials of --dev.
const (
	devAccount = "000000000000"
	devKey     = "test"
	devSecret  = "test"
)

// openDevDirectory opens a directory of --dev, or makes an absent or empty one one.
func openDevDirectory(o *serveOptions) (*directory, error) {
	d, err := openDirectory(o.dataDir)
	if err == nil && !d.dev {
		notDev := errors.New(o.dataDir + " holds real keys; --dev works only on a directory that it made")
		return nil, errors.Join(notDev, d.release())
	}
	if !errors.Is(err, errNotData) {
		return d, err
	}
	if d, err = createDirectory(o.dataDir, true); err != nil {
		return nil, err
	}
	if err := fillDevDirectory(d, o.region); err != nil {
		return nil, errors.Join(err, d.release())
	}
	return d, nil
}

// fillDevDirectory makes the key store, its root key inside the directory.
func fillDevDirectory(d *directory, region string) error {
	root := kms.InsecureRootKeyFile(d.file(devRootName))
	if err := kms.Init(kms.Options{Dir: d.path, Root: root, Account: devAccount, Region: region}); err != nil {
		return err
	}
	return d.finish()
}

// reset empties a --dev directory and opens it anew. The listeners and the lock stay.
func (d *daemon) reset(ctx context.Context) error {
	if !d.dir.dev {
		return errors.New("only a --dev directory can be reset")
	}
	if err := d.stack.Load().close(); err != nil {
		return err
	}
	entries, err := os.ReadDir(d.dir.path)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if keepInReset(entry) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(d.dir.path, entry.Name())); err != nil {
			return err
		}
	}
	if err := fillDevDirectory(d.dir, d.options.region); err != nil {
		return err
	}
	opened, err := d.openStack(ctx)
	if err != nil {
		return err
	}
	d.stack.Store(opened)
	return nil
}

// keepInReset says what belongs to the running process.
func keepInReset(entry os.DirEntry) bool {
	return entry.Name() == lockName || entry.Type() == os.ModeSocket
}

// devCredentials accepts the well-known access keys before those of the directory.
type devCredentials struct{ next awsapi.Credentials }

// Lookup implements awsapi.Credentials.
func (c devCredentials) Lookup(ctx context.Context, accessKeyID, sessionToken string) (awsapi.Credential, error) {
	account := accessKeyID
	if accessKeyID == devKey {
		account = devAccount
	}
	if sessionToken != "" || !accountForm.MatchString(account) {
		return c.next.Lookup(ctx, accessKeyID, sessionToken)
	}
	return awsapi.Credential{Secret: devSecret, Principal: rootPrincipal(account)}, nil
}

// rootPrincipal is an account's root user.
func rootPrincipal(account string) awsapi.Principal {
	return awsapi.Principal{Account: account, ARN: "arn:aws:iam::" + account + ":root", UserID: account, Type: "Root"}
}
