// Package ec2test is a world for tests of the EC2 catalogue and its API: an engine, a
// key store and exports in memory, whose steps can be made to fail. Only tests import it.
package ec2test

import (
	"context"
	"testing"
	"time"

	"coffer.example/internal/ec2"
	"coffer.example/internal/meta/memmeta"
	"coffer.example/internal/testkit"
	"coffer.example/kms"
	"github.com/stretchr/testify/require"
)

// The accounts and the Region of a world. Each account has the keys aws (the AWS
// managed one), k1, k2 and off, which is disabled.
const (
	Account      = "111122223333"
	OtherAccount = "444455556666"
	Region       = "eu-central-1"
)

// Root is the root of an account.
func Root(account string) kms.Caller {
	return kms.Caller{Account: account, Region: Region, ARN: "arn:aws:iam::" + account + ":root", Type: "Root"}
}

// World is everything that survives a crash, and what does not: open volumes and exports.
type World struct {
	t       testing.TB
	Store   *memmeta.Store
	Engine  *Engine
	Keys    *Keys
	Exports *Exports
	Blocks  *Blocks
	Clock   time.Time
	Faults  *testkit.Faults // counts every step of the service's surroundings
	// ManagedKeyCopies is ec2.Options.ManagedKeyCopies of the next Start.
	ManagedKeyCopies bool
}

// New returns an empty world.
func New(t testing.TB) *World {
	w := &World{t: t, Store: memmeta.New(), Clock: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Faults: testkit.FailAt(0)}
	w.Engine = &Engine{w: w, volumes: map[string]object{}, snapshots: map[string]object{}, open: map[string]bool{}, copying: map[string]int64{}}
	w.Blocks = &Blocks{engine: w.Engine, data: map[string]map[int64][]byte{}, parent: map[string]string{}, open: map[string]object{}, live: map[string]bool{}, wrote: map[string]map[int64]bool{}}
	w.Keys = &Keys{w: w, keys: map[string]*key{}, grants: map[string]ec2.AttachGrant{}}
	w.Exports = &Exports{w: w, published: map[string]bool{}, clients: map[string]chan struct{}{}}
	for _, account := range []string{Account, OtherAccount} {
		w.Keys.add(account, "aws", true)
		w.Keys.add(account, "k1", false)
		w.Keys.add(account, "k2", false)
		w.Keys.add(account, "off", false)
		w.Keys.SetState(account, "off", kms.Disabled)
	}
	return w
}

// Start opens the service as a new process would.
func (w *World) Start() *ec2.Service {
	w.Forget()
	s, err := ec2.Open(context.Background(), w.Options())
	require.NoError(w.t, err)
	w.t.Cleanup(func() { s.Close() })
	return s
}

// Forget drops what does not survive the end of a process.
func (w *World) Forget() {
	w.Engine.open, w.Blocks.live = map[string]bool{}, map[string]bool{}
	w.Exports.published, w.Exports.clients = map[string]bool{}, map[string]chan struct{}{}
}

// Options are the service's options.
func (w *World) Options() ec2.Options {
	return ec2.Options{
		Store: faultyStore{w}, Engine: w.Engine, KMS: w.Keys, Exports: w.Exports, Blocks: w.Blocks, ManagedKeyCopies: w.ManagedKeyCopies,
		Now: func() time.Time { return w.Clock }, RetryEvery: time.Hour,
	}
}

func (w *World) point() error { return w.Faults.Point() }

// faultyStore may fail a commit before or after it is applied.
type faultyStore struct{ w *World }

func (f faultyStore) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	return f.w.Store.Get(ctx, key)
}
func (f faultyStore) Scan(ctx context.Context, prefix, after string, limit int, fn func(string, []byte, uint64) error) error {
	return f.w.Store.Scan(ctx, prefix, after, limit, fn)
}
func (f faultyStore) Commit(ctx context.Context, expect map[string]uint64, put map[string][]byte) error {
	return around(f.w, func() error { return f.w.Store.Commit(ctx, expect, put) })
}
func (f faultyStore) Close() error { return nil }

// around runs an operation between two points at which the process may end.
func around(w *World, do func() error) error {
	if err := w.point(); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return w.point()
}
