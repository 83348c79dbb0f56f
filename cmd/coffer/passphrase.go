package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"
)

// maxPassphrase bounds a passphrase file, which holds one line.
const maxPassphrase = 4096

// passphrase reads the passphrase. twice asks for it again, as a new one must be.
func (r *rootFlags) passphrase(env *environment, twice bool) ([]byte, error) {
	if r.passphraseFile != "" {
		return readPassphraseFile(r.passphraseFile)
	}
	if !term.IsTerminal(int(env.stdin.Fd())) {
		return nil, errors.New("--passphrase needs a terminal; use --passphrase-file")
	}
	first, err := promptSecret(env, strings.ReplaceAll(r.prefix, "-", " ")+"passphrase: ")
	if err != nil || !twice {
		return first, err
	}
	again, err := promptSecret(env, "again: ")
	if err != nil {
		return nil, err
	}
	defer clear(again)
	if !bytes.Equal(first, again) {
		clear(first)
		return nil, errors.New("the passphrases differ")
	}
	return first, nil
}

func readPassphraseFile(path string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("passphrase file: %w", err)
	}
	if len(content) > maxPassphrase {
		return nil, fmt.Errorf("passphrase file %s is longer than %d bytes", path, maxPassphrase)
	}
	line, _, _ := bytes.Cut(content, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) == 0 {
		return nil, fmt.Errorf("passphrase file %s has an empty first line", path)
	}
	return line, nil
}

func promptSecret(env *environment, prompt string) ([]byte, error) {
	fmt.Fprint(env.stderr, prompt)
	secret, err := term.ReadPassword(int(env.stdin.Fd()))
	fmt.Fprintln(env.stderr)
	if err != nil {
		return nil, err
	}
	if len(secret) == 0 {
		return nil, errors.New("empty passphrase")
	}
	return secret, nil
}
