package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"coffer.example/internal/iam"
	"coffer.example/kms"
)

// account is the first account of a directory, or one that is added later.
type account struct {
	ID              string `json:"accountId"`
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
	Region          string `json:"region"`
}

func (a *account) register(f *flags) {
	f.StringVar(&a.ID, "account-id", "", "the account's `number` of 12 digits (default: random)")
	f.StringVar(&a.AccessKeyID, "access-key-id", "", "the `id` of its root access key (default: random)")
	f.StringVar(&a.SecretAccessKey, "secret-access-key", "", "the `secret` of its root access key (default: random)")
}

// initAnswer is what `coffer init --json` prints.
type initAnswer struct {
	Directory   string `json:"directory"`
	RootKeyFile string `json:"rootKeyFile,omitempty"`
	RootKey     string `json:"rootKey,omitempty"` // NAME=VALUE, where the root key is to be kept in a variable
	account
	held string // what opens the directory
}

// initCommand prepares a data directory: its root key, its store and its first account.
func initCommand(ctx context.Context, env *environment, args []string) error {
	f := newFlags(env, "init", "").withJSON()
	var root rootFlags
	var first account
	root.register(f)
	first.register(f)
	f.StringVar(&first.Region, "region", defaultRegion, "the default `Region`")
	change := newRootChange(f)
	if _, err := f.parse(args, 0); err != nil {
		return err
	}
	if err := errors.Join(root.check(), change.check(f)); err != nil {
		return err
	}
	if change.wanted() {
		return change.run(ctx, env, f, &root)
	}
	answer, err := initDirectory(ctx, env, f.dataDir, &root, first)
	if err != nil {
		return err
	}
	if f.json {
		return printJSON(env.stdout, answer)
	}
	return answer.print(env)
}

// initDirectory makes everything, or removes what it has made.
func initDirectory(ctx context.Context, env *environment, path string, root *rootFlags, first account) (*initAnswer, error) {
	if err := first.complete(); err != nil {
		return nil, err
	}
	made, err := root.forNew(env, path)
	if err != nil {
		return nil, err
	}
	d, err := createDirectory(path, false)
	if err != nil {
		return nil, err
	}
	keyFile := made.keyFile
	if keyFile != "" {
		if err := checkOutside(path, keyFile); err != nil {
			return nil, errors.Join(err, d.release(), removeMade(path, ""))
		}
		if _, err := os.Lstat(keyFile); !errors.Is(err, fs.ErrNotExist) {
			exists := fmt.Errorf("root key file %s exists already; coffer does not overwrite keys", keyFile)
			return nil, errors.Join(exists, d.release(), removeMade(path, ""))
		}
	}
	if err := errors.Join(fillDirectory(ctx, d, made.seal, first), d.release()); err != nil {
		return nil, errors.Join(err, removeMade(path, keyFile))
	}
	return &initAnswer{Directory: path, RootKeyFile: keyFile, RootKey: made.variable, account: first, held: root.held(keyFile)}, nil
}

// fillDirectory makes the key store and the account, and marks the directory complete.
func fillDirectory(ctx context.Context, d *directory, seal kms.Root, first account) error {
	options := kms.Options{Dir: d.path, Root: seal, Account: first.ID, Region: first.Region}
	if err := kms.Init(options); err != nil {
		return err
	}
	keys, err := kms.Open(options)
	if err != nil {
		return err
	}
	people := iam.NewDirectory(iam.DirectoryOptions{Store: keys.Store(), Tokens: keys.TokenKey()})
	err = people.CreateAccount(ctx, first.ID, first.AccessKeyID, first.SecretAccessKey)
	if err := errors.Join(err, keys.Close()); err != nil {
		return err
	}
	return d.finish()
}

// removeMade removes the contents of a directory that init has just made, and a key file.
func removeMade(path, keyFile string) error {
	entries, err := os.ReadDir(path)
	for _, entry := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(path, entry.Name())))
	}
	if keyFile != "" {
		if removed := os.Remove(keyFile); !errors.Is(removed, fs.ErrNotExist) {
			err = errors.Join(err, removed)
		}
	}
	return err
}

// print says what was made, and what must not be lost.
func (a *initAnswer) print(env *environment) error {
	if a.RootKey != "" {
		if _, err := fmt.Fprintf(env.stdout, "export %s\n\n", a.RootKey); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(env.stdout, `%s is ready. Its keys open with %s:
if that is lost, everything in the directory is lost; whoever has both can read everything.

[coffer]                                  # for ~/.aws/credentials; account %s
aws_access_key_id = %s
aws_secret_access_key = %s
region = %s
endpoint_url = http://%s
`, a.Directory, a.held, a.ID, a.AccessKeyID, a.SecretAccessKey, a.Region, defaultAPI)
	return err
}
