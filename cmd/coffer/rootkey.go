package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"coffer.example/internal/awsapi/sigv4"
	"coffer.example/kms"
)

// rootFlags say where the root key comes from. In those of a new seal beside the
// present one every name starts with "new-".
type rootFlags struct {
	prefix         string
	keyFile        string
	passphraseFile string
	prompt         bool
	variable       string
	unseal         string
	endpoint       string
}

// unsealKMS is what stands before the ARN in --unseal.
const unsealKMS = "kms:"

func (r *rootFlags) register(f *flags) {
	what := "the root key"
	if r.prefix != "" {
		what = "the root key's new seal"
	}
	f.StringVar(&r.keyFile, r.prefix+"root-key-file", "", "the `file` of "+what+r.defaultFile())
	f.StringVar(&r.passphraseFile, r.prefix+"passphrase-file", "", "a `file` whose first line is the passphrase of "+what)
	f.BoolVar(&r.prompt, r.prefix+"passphrase", false, "ask for the passphrase of "+what+" on the terminal")
	f.StringVar(&r.variable, r.prefix+"root-key-env", "", "the environment `variable` that holds "+what)
	f.StringVar(&r.unseal, r.prefix+"unseal", "", "`kms:ARN`, the KMS key elsewhere that seals the root key; AWS_ACCESS_KEY_ID and its siblings say as whom")
	f.StringVar(&r.endpoint, r.prefix+"unseal-endpoint", "", "the `URL` of that KMS (default: AWS's of the key's Region)")
}

func (r *rootFlags) defaultFile() string {
	if r.prefix != "" {
		return ""
	}
	return " (default DIR with the suffix .rootkey)"
}

func (r *rootFlags) check() error {
	given := 0
	for _, set := range []bool{r.keyFile != "", r.passphraseFile != "", r.prompt, r.variable != "", r.unseal != ""} {
		if set {
			given++
		}
	}
	p := "--" + r.prefix
	switch {
	case given > 1:
		return usagef("give one of %[1]sroot-key-file, %[1]spassphrase-file, %[1]spassphrase, %[1]sroot-key-env and %[1]sunseal", p)
	case r.unseal != "" && !strings.HasPrefix(r.unseal, unsealKMS):
		return usagef("%sunseal %s: not kms:ARN", p, r.unseal)
	case r.endpoint != "" && r.unseal == "":
		return usagef("%[1]sunseal-endpoint needs %[1]sunseal", p)
	}
	return nil
}

// isFile says whether the root key is in a file, as it is unless a flag says otherwise.
func (r *rootFlags) isFile() bool {
	return r.passphraseFile == "" && !r.prompt && r.variable == "" && r.unseal == ""
}

// given says whether a flag names a root key.
func (r *rootFlags) given() bool { return r.keyFile != "" || !r.isFile() }

// newRoot is the seal of a new directory, or the new one of an old directory, and what its owner must be told.
type newRoot struct {
	seal     kms.Root
	keyFile  string // if it is one
	variable string // NAME=VALUE of a key that was drawn for an environment variable
}

// forNew makes a seal that nothing lies under yet. Nothing is written but by sealing.
func (r *rootFlags) forNew(env *environment, dir string) (made newRoot, err error) {
	source := rootSource{}
	switch {
	case r.isFile():
		made.keyFile = r.keyFileOf(dir, false)
		source.KeyFile = made.keyFile
	case r.variable != "" && env.getenv(r.variable) == "":
		if source.Text, err = kms.NewRootKey(rand.Reader); err != nil {
			return made, err
		}
		made.variable = r.variable + "=" + source.Text
	default:
		if source, err = r.source(env, true); err != nil {
			return made, err
		}
	}
	made.seal, err = source.root()
	return made, err
}

// held says what opens a directory.
func (r *rootFlags) held(keyFile string) string {
	switch {
	case r.variable != "":
		return "the root key in " + r.variable
	case r.unseal != "":
		return "the KMS key " + strings.TrimPrefix(r.unseal, unsealKMS)
	case keyFile != "":
		return "the root key file " + keyFile
	}
	return "the passphrase"
}

// forOpen returns the seal of a directory that exists.
func (r *rootFlags) forOpen(env *environment, d *directory) (kms.Root, error) {
	if d.dev && r.isFile() {
		return kms.InsecureRootKeyFile(r.keyFileOf(d.path, true)), nil
	}
	source, err := r.sourceFor(env, d.path)
	if err != nil {
		return nil, err
	}
	return source.root()
}

// isAbsent says that no flag names a root key and the default file is not there.
func (r *rootFlags) isAbsent(d *directory) bool {
	if r.given() {
		return false
	}
	_, err := os.Lstat(r.keyFileOf(d.path, d.dev))
	return errors.Is(err, fs.ErrNotExist)
}

// sourceFor is the source of a directory that exists.
func (r *rootFlags) sourceFor(env *environment, dir string) (rootSource, error) {
	if r.isFile() {
		return rootSource{KeyFile: r.keyFileOf(dir, false)}, nil
	}
	return r.source(env, false)
}

// source reads what needs no file beside the directory.
func (r *rootFlags) source(env *environment, isNew bool) (rootSource, error) {
	switch {
	case r.variable != "":
		text := env.getenv(r.variable)
		if text == "" {
			return rootSource{}, fmt.Errorf("environment variable %s is not set", r.variable)
		}
		return rootSource{Text: text}, nil
	case r.unseal != "":
		return rootSource{Parent: r.parent(env)}, nil
	}
	passphrase, err := r.passphrase(env, isNew)
	return rootSource{Passphrase: passphrase}, err
}

// parent is the parent KMS with the credential of the AWS clients' variables. For a
// new seal NEW_AWS_ACCESS_KEY_ID and its siblings come first: the two may differ.
func (r *rootFlags) parent(env *environment) *parentSource {
	variables := "AWS_"
	if r.prefix != "" && env.getenv("NEW_AWS_ACCESS_KEY_ID") != "" {
		variables = "NEW_AWS_"
	}
	return &parentSource{
		KeyARN: strings.TrimPrefix(r.unseal, unsealKMS), Endpoint: r.endpoint,
		Key: sigv4.Key{
			AccessKeyID: env.getenv(variables + "ACCESS_KEY_ID"), Secret: env.getenv(variables + "SECRET_ACCESS_KEY"),
			SessionToken: env.getenv(variables + "SESSION_TOKEN"),
		},
	}
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
