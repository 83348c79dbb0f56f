package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"coffer.example/internal/awsapi/parentkms"
	"coffer.example/internal/awsapi/sigv4"
	"coffer.example/kms"
)

// rootFlags say where the root key comes from.
type rootFlags struct {
	keyFile        string
	passphraseFile string
	prompt         bool
	variable       string
	parent         parentkms.Options
}

func (r *rootFlags) register(f *flags) {
	f.StringVar(&r.keyFile, "root-key-file", "", "the root key `file` (default DIR with the suffix .rootkey)")
	f.StringVar(&r.passphraseFile, "passphrase-file", "", "a `file` whose first line is the passphrase of the root key")
	f.BoolVar(&r.prompt, "passphrase", false, "ask for the passphrase of the root key on the terminal")
	f.StringVar(&r.variable, "root-key-env", "", "the environment `variable` that holds the root key")
	f.StringVar(&r.parent.KeyARN, "parent-kms-key", "", "the `ARN` of a KMS key elsewhere that seals the root key; AWS_ACCESS_KEY_ID and its siblings say as whom")
	f.StringVar(&r.parent.Endpoint, "parent-kms-endpoint", "", "the `URL` of that KMS (default: AWS's of the key's Region)")
}

func (r *rootFlags) check() error {
	given := 0
	for _, set := range []bool{r.keyFile != "", r.passphraseFile != "", r.prompt, r.variable != "", r.parent.KeyARN != ""} {
		if set {
			given++
		}
	}
	if given > 1 {
		return usagef("give one of --root-key-file, --passphrase-file, --passphrase, --root-key-env and --parent-kms-key")
	}
	if r.parent.Endpoint != "" && r.parent.KeyARN == "" {
		return usagef("--parent-kms-endpoint needs --parent-kms-key")
	}
	return nil
}

// isFile says whether the root key is in a file, as it is unless a flag says otherwise.
func (r *rootFlags) isFile() bool {
	return r.passphraseFile == "" && !r.prompt && r.variable == "" && r.parent.KeyARN == ""
}

// newRoot is the seal of a new directory, and what its owner must be told.
type newRoot struct {
	seal     kms.Root
	keyFile  string // if it is one
	variable string // NAME=VALUE of a key that was drawn for an environment variable
}

func (r *rootFlags) forNew(env *environment, dir string) (made newRoot, err error) {
	switch {
	case r.isFile():
		made.keyFile = r.keyFileOf(dir, false)
		made.seal = kms.RootKeyFile(made.keyFile)
		return made, nil
	case r.variable != "" && env.getenv(r.variable) == "":
		value, err := kms.NewRootKey(rand.Reader)
		if err != nil {
			return made, err
		}
		made.variable = r.variable + "=" + value
		if err := os.Setenv(r.variable, value); err != nil {
			return made, err
		}
	}
	made.seal, err = r.withoutFile(env, true)
	return made, err
}

// held says what opens a directory.
func (r *rootFlags) held(keyFile string) string {
	switch {
	case r.variable != "":
		return "the root key in " + r.variable
	case r.parent.KeyARN != "":
		return "the KMS key " + r.parent.KeyARN
	case keyFile != "":
		return "the root key file " + keyFile
	}
	return "the passphrase"
}

// forOpen returns the seal of a directory that exists.
func (r *rootFlags) forOpen(env *environment, d *directory) (kms.Root, error) {
	switch {
	case !r.isFile():
		return r.withoutFile(env, false)
	case d.dev:
		return kms.InsecureRootKeyFile(r.keyFileOf(d.path, true)), nil
	}
	return kms.RootKeyFile(r.keyFileOf(d.path, false)), nil
}

// isAbsent says that no flag names a root key and the default file is not there.
func (r *rootFlags) isAbsent(d *directory) bool {
	if r.keyFile != "" || !r.isFile() {
		return false
	}
	_, err := os.Lstat(r.keyFileOf(d.path, d.dev))
	return errors.Is(err, fs.ErrNotExist)
}

// withoutFile returns the seals that need no file beside the directory.
func (r *rootFlags) withoutFile(env *environment, isNew bool) (kms.Root, error) {
	switch {
	case r.variable != "":
		return kms.RootKeyEnv(r.variable), nil
	case r.parent.KeyARN != "":
		r.parent.Key = sigv4.Key{
			AccessKeyID: env.getenv("AWS_ACCESS_KEY_ID"), Secret: env.getenv("AWS_SECRET_ACCESS_KEY"),
			SessionToken: env.getenv("AWS_SESSION_TOKEN"),
		}
		return parentkms.New(r.parent)
	}
	passphrase, err := r.passphrase(env, isNew)
	return kms.RootPassphrase(passphrase), err
}

// keyFileOf returns the root key file of a data directory. Beside the directory by
// default, so that a copy of the directory alone opens nothing.
func (r *rootFlags) keyFileOf(dir string, dev bool) string {
	switch {
	case r.keyFile != "":
		return r.keyFile
	case dev:
		return filepath.Join(dir, devRootName)
	}
	return strings.TrimRight(filepath.Clean(dir), "/") + rootSuffix
}

// checkOutside refuses a root key file inside the data directory.
func checkOutside(dir, keyFile string) error {
	parent, err := realPath(dir)
	if err != nil {
		return err
	}
	child, err := realPath(filepath.Dir(keyFile))
	if err != nil {
		return fmt.Errorf("root key file: %w", err)
	}
	if child == parent || strings.HasPrefix(child, parent+string(filepath.Separator)) {
		return fmt.Errorf("root key file %s lies inside the data directory: whoever copies that would have both", keyFile)
	}
	return nil
}

func realPath(path string) (string, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(absolute)
}
