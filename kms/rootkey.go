package kms

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"coffer.example/aead"
)

// A root key is written as one line that shows damage:
//
//	coffer-root-1- ‖ 64 hexadecimal digits of the key ‖ - ‖ 16 hexadecimal digits of SHA-256("coffer root key v1" ‖ key)
const (
	rootKeyPrefix  = "coffer-root-1-"
	rootCheckLabel = "coffer root key v1"
	rootCheckSize  = 8
	rootKeyLength  = len(rootKeyPrefix) + 2*aead.KeySize + 1 + 2*rootCheckSize
)

// NewRootKey draws a root key in the text form that RootKeyFile and RootKeyEnv read.
func NewRootKey(rand io.Reader) (string, error) {
	b := make([]byte, aead.KeySize)
	defer clear(b)
	if _, err := io.ReadFull(rand, b); err != nil {
		return "", fmt.Errorf("kms: draw root key: %w", err)
	}
	return rootKeyPrefix + hex.EncodeToString(b) + "-" + rootCheck(b), nil
}

func rootCheck(key []byte) string {
	h := sha256.New()
	h.Write([]byte(rootCheckLabel))
	h.Write(key)
	return hex.EncodeToString(h.Sum(nil)[:rootCheckSize])
}

// parseRootKey reads a root key; one newline may follow it.
func parseRootKey(s string) (*aead.Secret, error) {
	s = strings.TrimSuffix(strings.TrimSuffix(s, "\n"), "\r")
	if len(s) != rootKeyLength || !strings.HasPrefix(s, rootKeyPrefix) {
		return nil, ErrDamagedRoot
	}
	key, check, _ := strings.Cut(s[len(rootKeyPrefix):], "-")
	b, err := hex.DecodeString(key)
	if err != nil || len(b) != aead.KeySize || rootCheck(b) != check {
		clear(b)
		return nil, ErrDamagedRoot
	}
	return aead.NewSecret(b), nil
}

// RootKeyFile seals the root key under a key file outside the data directory. Init
// makes the file (mode 0600) unless it exists. Whoever loses it loses everything.
func RootKeyFile(path string) Root { return rootFile{path: path} }

// InsecureRootKeyFile is RootKeyFile for a file that may lie in the data directory:
// whoever gets the directory gets the keys. It is for development.
func InsecureRootKeyFile(path string) Root { return rootFile{path: path, inside: true} }

type rootFile struct {
	path   string
	inside bool
}

const kindFile = "file"

func (f rootFile) Kind() string { return kindFile }

func (f rootFile) Seal(_ context.Context, d RootDir, root *aead.Secret) ([]byte, error) {
	if err := f.checkOutside(d.Path); err != nil {
		return nil, err
	}
	kek, err := f.read()
	if errors.Is(err, fs.ErrNotExist) {
		kek, err = f.create(d.Rand)
	}
	if err != nil {
		return nil, err
	}
	return sealRoot(d, kindFile, kek, root)
}

func (f rootFile) Open(_ context.Context, d RootDir, sealed []byte) (*aead.Secret, error) {
	kek, err := f.read()
	if err != nil {
		return nil, err
	}
	root, err := openRoot(d, kindFile, kek, sealed)
	if err != nil {
		return nil, fmt.Errorf("%w: %s is not the key of %s", ErrWrongRoot, f.path, d.Path)
	}
	return root, nil
}

func (f rootFile) read() (*aead.Secret, error) {
	file, err := os.Open(f.path)
	if err != nil {
		return nil, fmt.Errorf("kms: root key file: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("kms: root key file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("kms: root key file %s has mode %04o; it must be 0600", f.path, info.Mode().Perm())
	}
	b, err := io.ReadAll(io.LimitReader(file, int64(rootKeyLength)+3))
	defer clear(b)
	if err != nil {
		return nil, fmt.Errorf("kms: root key file: %w", err)
	}
	kek, err := parseRootKey(string(b))
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, f.path)
	}
	return kek, nil
}

// create writes a new key file, durably: it must not be lost after the directory depends on it.
func (f rootFile) create(rand io.Reader) (*aead.Secret, error) {
	text, err := NewRootKey(rand)
	if err != nil {
		return nil, err
	}
	if err := writeFileDurably(f.path, []byte(text+"\n"), os.O_EXCL); err != nil {
		return nil, fmt.Errorf("kms: root key file: %w", err)
	}
	return parseRootKey(text)
}

func (f rootFile) checkOutside(dir string) error {
	if f.inside {
		return nil
	}
	d, err := realPath(dir)
	if err != nil {
		return err
	}
	p, err := realPath(f.path)
	if err != nil {
		return err
	}
	if rel, err := filepath.Rel(d, p); err == nil && filepath.IsLocal(rel) {
		return fmt.Errorf("kms: root key file %s lies in the data directory %s; keep it elsewhere", f.path, dir)
	}
	return nil
}

// realPath resolves the symbolic links of path, or of its directory if path does not exist.
func realPath(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("kms: %w", err)
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		return real, nil
	}
	parent, err := filepath.EvalSymlinks(filepath.Dir(abs))
	if err != nil {
		return "", fmt.Errorf("kms: %w", err)
	}
	return filepath.Join(parent, filepath.Base(abs)), nil
}

// RootKeyEnv seals the root key under a key in an environment variable, in the form of NewRootKey.
func RootKeyEnv(name string) Root {
	return rootText{where: "environment variable " + name, read: func() (string, bool) { return os.LookupEnv(name) }}
}

// RootKeyText is RootKeyEnv for a program that has the variable's value from elsewhere.
func RootKeyText(text string) Root {
	return rootText{where: "the given root key", read: func() (string, bool) { return text, true }}
}

type rootText struct {
	where string // for errors
	read  func() (text string, ok bool)
}

const kindEnv = "environment"

func (e rootText) Kind() string { return kindEnv }

func (e rootText) key() (*aead.Secret, error) {
	v, ok := e.read()
	if !ok {
		return nil, fmt.Errorf("kms: %s is not set", e.where)
	}
	kek, err := parseRootKey(v)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, e.where)
	}
	return kek, nil
}

func (e rootText) Seal(_ context.Context, d RootDir, root *aead.Secret) ([]byte, error) {
	kek, err := e.key()
	if err != nil {
		return nil, err
	}
	return sealRoot(d, kindEnv, kek, root)
}

func (e rootText) Open(_ context.Context, d RootDir, sealed []byte) (*aead.Secret, error) {
	kek, err := e.key()
	if err != nil {
		return nil, err
	}
	root, err := openRoot(d, kindEnv, kek, sealed)
	if err != nil {
		return nil, fmt.Errorf("%w: %s is not the key of %s", ErrWrongRoot, e.where, d.Path)
	}
	return root, nil
}
