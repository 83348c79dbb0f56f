package kms

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"sync"
	"time"

	"coffer.example/aead"
	"coffer.example/internal/iam"
	"coffer.example/internal/meta"
)

// DefaultRegion is the Region of Options that name none.
const DefaultRegion = "us-east-1"

// Bounds of what is kept in memory.
const (
	keyCacheBytes      = 64 << 20
	grantCacheBytes    = 16 << 20
	wrappingCacheKeys  = 8192
	policyCacheBytes   = 16 << 20
	counterCachePlaces = 65536
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
	// Region is the Region of callers that give none; empty means DefaultRegion.
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

func (o Options) withDefaults() Options {
	if o.Region == "" {
		o.Region = DefaultRegion
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Logf == nil {
		o.Logf = func(string, ...any) {}
	}
	return o
}

// KMS is an open key store. It is safe for concurrent use.
type KMS struct {
	o      Options
	inner  meta.Store // as Options.Store, or our own
	own    io.Closer  // the store, if Close is to close it
	store  meta.Store // sealed
	format formatRecord

	materialKey *aead.RecordKey // wraps key material
	tokenKey    *aead.RecordKey
	auditKey    *aead.MACKey

	keys     *cache[string, *keyEntry]                  // by key id
	grants   *cache[granteeName, []iam.Grant]           // by key and grantee
	wrapping *cache[aead.WrapHeader, *aead.WrappingKey] // by key and material
	counts   *counters
	policies *iam.Cache
	uses     uses
	tally    tally
	buffers  sync.Pool // of *[]byte, for events
	calls    sync.Pool // of *call

	mu         sync.RWMutex // guards recorder and principals
	recorder   Recorder
	principals Principals
}

// Close saves what is unsaved and releases the store. Calls in progress fail.
func (k *KMS) Close() error {
	err := k.saveAllUses(context.Background())
	k.keys.drop()
	k.grants.drop()
	k.wrapping.drop()
	if k.own == nil {
		return err
	}
	return errors.Join(err, k.own.Close())
}

// Store returns the metadata store, every value sealed under the root key, for records
// of the program that embeds the KMS. The names that start with "kms/" are the KMS's own.
func (k *KMS) Store() Store { return k.store }

// Failed returns why the store has failed, or nil while it works. A failed KMS answers
// every call with ErrInternal, also those that its caches could answer.
func (k *KMS) Failed() error {
	if store, ok := k.inner.(interface{ Failed() error }); ok {
		return store.Failed()
	}
	return nil
}

// Account returns the account that Keyring acts for.
func (k *KMS) Account() string { return k.o.Account }

// Region returns the Region of callers that give none.
func (k *KMS) Region() string { return k.o.Region }

// AuditKey returns the key of the audit chain. It stays when the root key is replaced.
func (k *KMS) AuditKey() *aead.MACKey { return k.auditKey }

// TokenKey returns the key that seals tokens, derived from the root key.
func (k *KMS) TokenKey() *aead.RecordKey { return k.tokenKey }

// SetRecorder replaces the recorder of Options: a log under AuditKey needs an open KMS first.
func (k *KMS) SetRecorder(r Recorder) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.recorder = r
}

func (k *KMS) currentRecorder() Recorder {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.recorder
}

// now is the time of a decision or record.
func (k *KMS) now() time.Time { return k.o.Clock().UTC().Truncate(time.Millisecond) }

// get reads and decodes a record.
func (k *KMS) get(ctx context.Context, name string, into any) (revision uint64, err error) {
	b, revision, err := k.store.Get(ctx, name)
	if err != nil {
		return 0, err
	}
	return revision, decodeRecord(b, into)
}

// missing says whether err means that a name has no record.
func missing(err error) bool { return errors.Is(err, meta.ErrNotFound) }
