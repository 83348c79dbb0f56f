// Package ecrtest is a world for tests of the registry and its front ends: a real key store, with metadata and
// objects in memory, a clock that tests move, and the audit trail. Only tests import it.
package ecrtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"coffer.example/internal/blob"
	"coffer.example/internal/blob/memblob"
	"coffer.example/internal/ecr"
	"coffer.example/internal/meta"
	"coffer.example/internal/meta/memmeta"
	"coffer.example/kms"
	"github.com/stretchr/testify/require"
)

// The accounts and the Region of a world.
const (
	Account      = "111122223333"
	OtherAccount = "444455556666"
	Region       = "us-east-1"
)

// World is everything that survives a restart of the registry, and the registry.
type World struct {
	t     testing.TB
	Keys  *kms.KMS
	Blobs blob.Store
	Trail *Trail
	// WrapStore and WrapBlobs, if set, stand between the next Start and the stores.
	WrapStore func(meta.Store) meta.Store
	WrapBlobs func(blob.Store) blob.Store

	mu  sync.Mutex // guards now
	now time.Time
}

// New returns a world without repositories.
func New(t testing.TB) *World {
	w := &World{t: t, Blobs: memblob.New(), Trail: &Trail{}, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	dir := t.TempDir()
	options := kms.Options{
		Dir: filepath.Join(dir, "data"), Root: kms.RootKeyFile(filepath.Join(dir, "root.key")), Store: memmeta.New(),
		Account: Account, Region: Region, Clock: w.Now, Recorder: w.Trail,
	}
	require.NoError(t, kms.Init(options))
	keys, err := kms.Open(options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, keys.Close()) })
	w.Keys = keys
	return w
}

// Now is the world's clock.
func (w *World) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// Pass lets time pass.
func (w *World) Pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// Open opens the registry as a new process would.
func (w *World) Open() (*ecr.Service, error) {
	options := ecr.Options{Store: w.Keys.Store(), Blobs: w.Blobs, Keys: w.Keys, Now: w.Now}
	if w.WrapStore != nil {
		options.Store = w.WrapStore(options.Store)
	}
	if w.WrapBlobs != nil {
		options.Blobs = w.WrapBlobs(options.Blobs)
	}
	return ecr.Open(context.Background(), options)
}

// Start is Open, closed at the end of the test.
func (w *World) Start() *ecr.Service {
	w.t.Helper()
	s, err := w.Open()
	require.NoError(w.t, err)
	w.t.Cleanup(func() { require.NoError(w.t, s.Close()) })
	return s
}

// Root is the root of an account.
func Root(account string) kms.Caller {
	return kms.Caller{Account: account, Region: Region, ARN: "arn:aws:iam::" + account + ":root", UserID: account, Type: "Root"}
}

// User is a user of Account with policies.
func User(name string, policies ...string) kms.Caller {
	c := kms.Caller{Account: Account, Region: Region, ARN: "arn:aws:iam::" + Account + ":user/" + name, UserID: "AIDA" + name, UserName: name, Type: "IAMUser"}
	for _, p := range policies {
		c.Policies = append(c.Policies, kms.Policy{Name: "inline policy p of user " + name, Document: p})
	}
	return c
}

// Allow is an identity policy that allows actions on everything.
func Allow(actions ...string) string {
	b, err := json.Marshal(actions)
	if err != nil {
		panic(err)
	}
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":` + string(b) + `,"Resource":"*"}]}`
}

// Digest is the SHA-256 digest of content.
func Digest(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Manifest is an image manifest of a config and layers.
func Manifest(config []byte, layers ...[]byte) []byte {
	var list []string
	for _, layer := range layers {
		list = append(list, fmt.Sprintf(`{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":%q,"size":%d}`, Digest(layer), len(layer)))
	}
	return fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":%q,"size":%d},"layers":[%s]}`,
		ecr.MediaTypeImage, Digest(config), len(config), strings.Join(list, ","))
}

// Trail keeps audit events.
type Trail struct {
	mu     sync.Mutex // guards the fields below
	events []Event
	fail   int // after so many more events the trail fails; 0: never
}

// Event is what tests look at of an audit event.
type Event struct {
	EventName           string
	EventSource         string
	ErrorCode           string
	ErrorMessage        string
	UserIdentity        struct{ Type, ARN string }
	RequestParameters   map[string]any
	CofferDecision      struct{ Result, Reason string }
	AdditionalEventData map[string]any
}

// Record implements kms.Recorder.
func (r *Trail) Record(_ context.Context, line []byte) error {
	var e Event
	if err := json.Unmarshal(line, &e); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail == 1 {
		return errors.New("the trail cannot be written")
	}
	r.fail = max(r.fail-1, 0)
	r.events = append(r.events, e)
	return nil
}

// FailAfter makes the trail fail after n more events, for good; a negative n mends it.
func (r *Trail) FailAfter(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = n + 1
}

// Take returns the events since the last Take.
func (r *Trail) Take() []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.events
	r.events = nil
	return out
}

// Names are the names of events.
func Names(events []Event) (out []string) {
	for _, e := range events {
		out = append(out, e.EventName)
	}
	return out
}
