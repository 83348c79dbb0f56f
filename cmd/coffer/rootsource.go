package main

import (
	"path/filepath"

	"coffer.example/internal/awsapi/parentkms"
	"coffer.example/internal/awsapi/sigv4"
	"coffer.example/kms"
)

// rootSource is what opens the root key, read and complete, so that `coffer unseal`
// can hand it to a daemon over the control socket. Exactly one member is set.
type rootSource struct {
	KeyFile    string        `json:"keyFile,omitempty"`
	Passphrase []byte        `json:"passphrase,omitempty"`
	Text       string        `json:"text,omitempty"` // of an environment variable
	Parent     *parentSource `json:"parent,omitempty"`
}

// parentSource is a key of a parent KMS, and as whom to use it.
type parentSource struct {
	KeyARN   string    `json:"keyArn"`
	Endpoint string    `json:"endpoint,omitempty"`
	Key      sigv4.Key `json:"key"`
}

func (s rootSource) root() (kms.Root, error) {
	switch {
	case s.KeyFile != "":
		return kms.RootKeyFile(s.KeyFile), nil
	case s.Text != "":
		return kms.RootKeyText(s.Text), nil
	case s.Parent != nil:
		return parentkms.New(parentkms.Options{KeyARN: s.Parent.KeyARN, Endpoint: s.Parent.Endpoint, Key: s.Parent.Key})
	}
	return kms.RootPassphrase(s.Passphrase), nil
}

// absolute makes the source mean the same in another process.
func (s rootSource) absolute() (rootSource, error) {
	if s.KeyFile == "" {
		return s, nil
	}
	var err error
	s.KeyFile, err = filepath.Abs(s.KeyFile)
	return s, err
}
