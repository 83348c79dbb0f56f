package kms

import (
	"context"
	"io"
	"time"

	"coffer.example/aead"
)

// Options configure a KMS.
type Options struct {
	// Dir is the data directory. The sealing record lies in it and, unless Store is set, the metadata.
	Dir string
	// Root seals the root key; see RootKeyFile, RootPassphrase and RootKeyEnv.
	Root Root
	// Store keeps the metadata in place of Dir. The caller closes it after the KMS.
	Store Store
	// Account is the account that Keyring acts for. Init draws one if it is empty; Open then uses Init's.
	Account string
	// Region is the Region of callers that give none; empty means us-east-1.
	Region string
	// Clock tells the time; nil means time.Now.
	Clock func() time.Time
	// Rand is the source of randomness; nil means crypto/rand. It must be safe for concurrent use.
	Rand io.Reader
	// Recorder takes audit events; nil drops them. See also SetRecorder.
	Recorder Recorder
	// Logf receives messages about background work; nil drops them.
	Logf func(format string, args ...any)
}

// KMS is an open key store. It is safe for concurrent use.
type KMS struct{ o Options }

// Root seals the root key of a directory. Implementations are made by RootKeyFile and
// its siblings; a parent KMS implements it too.
type Root interface {
	// Kind names the way of sealing in the sealing record: "file", "passphrase", "environment", "kms".
	Kind() string
	// Seal makes what it needs (such as a key file) and seals root for a directory.
	Seal(ctx context.Context, d RootDir, root *aead.Secret) (sealed []byte, err error)
	// Open opens what Seal returned for the same directory.
	Open(ctx context.Context, d RootDir, sealed []byte) (*aead.Secret, error)
}

// RootDir is the directory that a Root seals for.
type RootDir struct {
	Path  string  // Options.Dir
	Store aead.ID // random, made at Init; sealed bytes are bound to it
	Rand  io.Reader
}

// Keyring makes and opens data keys as one caller. It implements blockstore.Keyring and blockstore.AnchorStore.
type Keyring struct {
	k           *KMS
	caller      Caller
	grantTokens []string
}
