// Package rdstest is a world for tests of databases and their front end: a real key store and
// a real block store, exports in memory, a clock that tests move, and the audit trail. Only tests import it.
package rdstest

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"coffer.example/blockstore"
	"coffer.example/internal/meta"
	"coffer.example/internal/meta/memmeta"
	"coffer.example/internal/rds"
	"coffer.example/internal/testkit"
	"coffer.example/kms"
	"github.com/stretchr/testify/require"
)

// The accounts and the Region of a world.
const (
	Account      = "111122223333"
	OtherAccount = "444455556666"
	Region       = "us-east-1"
)

// World is everything that survives a restart of the service, and the service's surroundings.
type World struct {
	t       testing.TB
	dir     string
	meta    meta.Store
	Keys    *kms.KMS
	Blocks  *blockstore.Store
	Trail   *Trail
	Exports *Exports
	RDS     *rds.Service
	// Faults, if set, may end the process at every change of the catalogue and the engine.
	Faults *testkit.Faults

	mu  sync.Mutex // guards now
	now time.Time
}

// New returns a world without databases; Start opens the service.
func New(t testing.TB) *World {
	w := &World{t: t, dir: t.TempDir(), meta: memmeta.New(), Trail: &Trail{}, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	require.NoError(t, kms.Init(w.kmsOptions()))
	w.openStores()
	t.Cleanup(w.closeStores)
	return w
}

func (w *World) kmsOptions() kms.Options {
	return kms.Options{
		Dir: filepath.Join(w.dir, "data"), Root: kms.RootKeyFile(filepath.Join(w.dir, "root.key")), Store: w.meta,
		Account: Account, Region: Region, Clock: w.Now, Recorder: w.Trail,
	}
}

func (w *World) openStores() {
	var err error
	w.Keys, err = kms.Open(w.kmsOptions())
	require.NoError(w.t, err)
	w.Blocks, err = blockstore.Open(blockstore.Options{Dir: filepath.Join(w.dir, "store"), Keys: w.Keys.StoreKeyring(), ReserveBytes: -1, ZoneSlots: 4096})
	require.NoError(w.t, err)
	w.Exports = &Exports{served: map[string]*blockstore.Device{}}
}

func (w *World) closeStores() {
	require.NoError(w.t, w.Blocks.Close())
	require.NoError(w.t, w.Keys.Close())
}

// Start opens the service as a new process would, without background work: tests call Tick.
func (w *World) Start() *rds.Service {
	w.t.Helper()
	var err error
	w.RDS, err = rds.Open(context.Background(), w.options())
	require.NoError(w.t, err)
	return w.RDS
}

func (w *World) options() rds.Options {
	o := rds.Options{Store: w.Keys.Store(), Engine: w.Blocks, Keys: w.Keys, Exports: w.Exports, Now: w.Now, CheckEvery: -1}
	if w.Faults != nil {
		o.Store, o.Engine = faultyStore{o.Store, w.Faults}, faultyEngine{w.Blocks, w.Faults}
	}
	return o
}

// Restart ends everything, as a process ends, and starts it again.
func (w *World) Restart() *rds.Service {
	w.t.Helper()
	w.Crash()
	return w.Start()
}

// Crash ends the process: nobody is served, and volumes are not open any more.
func (w *World) Crash() {
	w.t.Helper()
	if w.RDS != nil {
		require.NoError(w.t, w.RDS.Close())
	}
	w.closeStores()
	w.openStores()
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

// Exports remembers what is served.
type Exports struct {
	mu     sync.Mutex
	served map[string]*blockstore.Device
}

// Serve implements rds.Exports.
func (e *Exports) Serve(_ context.Context, volume string, device *blockstore.Device) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.served[volume] = device
	return nil
}

// Withdraw implements rds.Exports.
func (e *Exports) Withdraw(_ context.Context, volume string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.served, volume)
	return nil
}

// URI implements rds.Exports.
func (e *Exports) URI(volume string) string { return "nbd+unix:///" + volume + "?socket=/run/nbd.sock" }

// Device is the device by which a volume is served, nil if it is not.
func (e *Exports) Device(volume string) *blockstore.Device {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.served[volume]
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

// In is a caller in another Region.
func In(region string, c kms.Caller) kms.Caller {
	c.Region = region
	return c
}
