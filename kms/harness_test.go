package kms_test

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"coffer.example/internal/meta/memmeta"
	"coffer.example/kms"
)

const account = "111122223333"

var ctx = context.Background()

// clock is a clock that tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func (c *clock) days(n int) { c.advance(time.Duration(n) * 24 * time.Hour) }

// trail is a recorder that keeps events.
type trail struct {
	mu     sync.Mutex
	events []map[string]any
	raw    []string
	fail   error
}

func (r *trail) Record(_ context.Context, event []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		return r.fail
	}
	var e map[string]any
	if err := json.Unmarshal(event, &e); err != nil {
		return err
	}
	r.events, r.raw = append(r.events, e), append(r.raw, string(event))
	return nil
}

func (r *trail) last(t testing.TB) map[string]any {
	r.mu.Lock()
	defer r.mu.Unlock()
	require.NotEmpty(t, r.events)
	return r.events[len(r.events)-1]
}

func (r *trail) names() (names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		names = append(names, e["eventName"].(string))
	}
	return names
}

// world is an open KMS with what surrounds it.
type world struct {
	*kms.KMS
	t     testing.TB
	clock *clock
	trail *trail
	opts  kms.Options
	root  kms.Caller
}

// newWorld makes a KMS over a store in memory.
func newWorld(t testing.TB) *world { return newWorldOn(t, memmeta.New()) }

func newWorldOn(t testing.TB, store kms.Store) *world {
	t.Helper()
	w := &world{t: t, clock: &clock{t: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}, trail: &trail{}}
	dir := t.TempDir()
	w.opts = kms.Options{Dir: filepath.Join(dir, "data"), Root: kms.RootKeyFile(filepath.Join(dir, "root.key")),
		Store: store, Account: account, Clock: w.clock.now, Recorder: w.trail, Logf: t.Logf}
	require.NoError(t, kms.Init(w.opts))
	w.reopen()
	t.Cleanup(func() { require.NoError(t, w.Close()) })
	return w
}

// reopen opens the KMS anew, as after a restart.
func (w *world) reopen() {
	w.t.Helper()
	k, err := kms.Open(w.opts)
	require.NoError(w.t, err)
	w.KMS, w.root = k, k.RootCaller()
	w.root.RequestID, w.root.SourceIP, w.root.UserAgent = "req", "192.0.2.1", "test"
}

func (w *world) key() *kms.KeyMetadata {
	w.t.Helper()
	m, err := w.CreateKey(ctx, w.root, kms.CreateKeyInput{})
	require.NoError(w.t, err)
	return m
}

// user is a caller of an account with identity policies.
func user(account, name string, policies ...string) kms.Caller {
	c := kms.Caller{Account: account, ARN: "arn:aws:iam::" + account + ":user/" + name, UserID: "AIDA" + name, UserName: name, Type: "IAMUser"}
	for _, p := range policies {
		c.Policies = append(c.Policies, kms.Policy{Name: "inline policy of user " + name, Document: p})
	}
	return c
}

// requireRefused checks an error's kind and exact message.
func requireRefused(t testing.TB, err error, kind error, message string) {
	t.Helper()
	require.ErrorIs(t, err, kind)
	var e *kms.Error
	require.True(t, errors.As(err, &e))
	require.Equal(t, message, e.Message)
}

func ptr[T any](v T) *T { return &v }

type pairs = map[string]string

func uuid(b [16]byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// requirePair checks that two DER keys are a pair.
func requirePair(t testing.TB, private, public []byte) {
	key, err := x509.ParsePKCS8PrivateKey(private)
	require.NoError(t, err)
	pub, err := x509.MarshalPKIXPublicKey(key.(crypto.Signer).Public())
	require.NoError(t, err)
	require.Equal(t, public, pub)
}
