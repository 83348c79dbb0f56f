package ec2

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"coffer.example/aead"
	"coffer.example/blockstore"
	"coffer.example/internal/meta"
	"coffer.example/internal/meta/memmeta"
	"coffer.example/internal/testkit"
	"coffer.example/kms"
	"github.com/stretchr/testify/require"
)

const (
	testAccount  = "111122223333"
	otherAccount = "444455556666"
	testRegion   = "eu-central-1"
)

func rootOf(account string) kms.Caller {
	return kms.Caller{Account: account, Region: testRegion, ARN: "arn:aws:iam::" + account + ":root", Type: "Root"}
}

// world is everything that survives a crash, and what does not: open volumes and exports.
type world struct {
	t      *testing.T
	store  *memmeta.Store
	engine *fakeEngine
	keys   *fakeKMS
	ports  *fakeExports
	clock  time.Time
	faults *testkit.Faults
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, store: memmeta.New(), clock: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), faults: testkit.FailAt(0)}
	w.engine = &fakeEngine{w: w, volumes: map[string]fakeObject{}, snapshots: map[string]fakeObject{}, open: map[string]bool{}, copying: map[string]int64{}}
	w.keys = &fakeKMS{w: w, keys: map[string]*fakeKey{}, grants: map[string]AttachGrant{}}
	w.ports = &fakeExports{w: w, published: map[string]bool{}, clients: map[string]chan struct{}{}}
	for _, account := range []string{testAccount, otherAccount} {
		w.keys.add(account, "aws", true)
		w.keys.add(account, "k1", false)
		w.keys.add(account, "k2", false)
	}
	return w
}

// start opens the service as a new process would.
func (w *world) start() *Service {
	w.engine.open = map[string]bool{}
	w.ports.published, w.ports.clients = map[string]bool{}, map[string]chan struct{}{}
	s, err := Open(context.Background(), w.options())
	require.NoError(w.t, err)
	w.t.Cleanup(func() { s.Close() })
	return s
}

func (w *world) options() Options {
	return Options{
		Store: faultyStore{w}, Engine: w.engine, KMS: w.keys, Exports: w.ports,
		Now: func() time.Time { return w.clock }, RetryEvery: time.Hour,
	}
}

func (w *world) point() error { return w.faults.Point() }

// faultyStore may fail a commit before or after it is applied.
type faultyStore struct{ w *world }

func (f faultyStore) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	return f.w.store.Get(ctx, key)
}
func (f faultyStore) Scan(ctx context.Context, prefix, after string, limit int, fn func(string, []byte, uint64) error) error {
	return f.w.store.Scan(ctx, prefix, after, limit, fn)
}
func (f faultyStore) Commit(ctx context.Context, expect map[string]uint64, put map[string][]byte) error {
	return around(f.w, func() error { return f.w.store.Commit(ctx, expect, put) })
}
func (f faultyStore) Close() error { return nil }

// around runs an operation between two points at which the process may end.
func around(w *world, do func() error) error {
	if err := w.point(); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return w.point()
}

type fakeObject struct {
	key  string
	size int64
	from string
}

// fakeEngine keeps objects in memory. It uses keys as a real engine would.
type fakeEngine struct {
	w         *world
	mu        sync.Mutex
	volumes   map[string]fakeObject
	snapshots map[string]fakeObject
	open      map[string]bool
	copying   map[string]int64 // steps left of a copy
	slow      int64            // steps of a copy to another key
}

func (e *fakeEngine) do(fn func() error) error {
	return around(e.w, func() error {
		e.mu.Lock()
		defer e.mu.Unlock()
		return fn()
	})
}

func (e *fakeEngine) CreateVolume(ctx context.Context, spec VolumeSpec) error {
	return e.do(func() error {
		if spec.Key != "" {
			if _, _, _, err := spec.Keys.NewDataKey(ctx, spec.Key, map[string]string{"aws:ebs:id": spec.ID}); err != nil {
				return err
			}
		}
		e.volumes[spec.ID] = fakeObject{key: spec.Key, size: spec.SizeBytes}
		return nil
	})
}

func (e *fakeEngine) RestoreVolume(ctx context.Context, snapshotID string, spec VolumeSpec) error {
	return e.do(func() error {
		from, ok := e.snapshots[snapshotID]
		if !ok {
			return ErrNoObject
		}
		for _, key := range []string{from.key, spec.Key} {
			if key != "" {
				if _, _, _, err := spec.Keys.NewDataKey(ctx, key, nil); err != nil {
					return err
				}
			}
		}
		e.volumes[spec.ID] = fakeObject{key: spec.Key, size: spec.SizeBytes, from: snapshotID}
		return nil
	})
}

func (e *fakeEngine) ResizeVolume(_ context.Context, id string, size int64) error {
	return e.do(func() error {
		v := e.volumes[id]
		v.size = size
		e.volumes[id] = v
		return nil
	})
}

func (e *fakeEngine) DeleteVolume(_ context.Context, id string) error {
	return e.do(func() error {
		if e.open[id] {
			return errors.New("delete of an open volume")
		}
		delete(e.volumes, id)
		return nil
	})
}

func (e *fakeEngine) Attach(ctx context.Context, id string, keys blockstore.Keyring) error {
	return e.do(func() error {
		v, ok := e.volumes[id]
		if !ok {
			return ErrNoObject
		}
		if v.key != "" {
			if _, err := keys.Unwrap(ctx, []byte(v.key), map[string]string{"aws:ebs:id": id}); err != nil {
				return err
			}
		}
		e.open[id] = true
		return nil
	})
}

func (e *fakeEngine) Detach(_ context.Context, id string) error {
	return e.do(func() error { delete(e.open, id); return nil })
}

func (e *fakeEngine) CreateSnapshots(_ context.Context, names map[string]string) error {
	return e.do(func() error {
		for volume, snapshot := range names {
			v, ok := e.volumes[volume]
			if !ok {
				return ErrNoObject
			}
			e.snapshots[snapshot] = fakeObject{key: v.key, size: v.size, from: volume}
		}
		return nil
	})
}

func (e *fakeEngine) CopySnapshot(ctx context.Context, source, id, key string, keys blockstore.Keyring) error {
	return e.do(func() error {
		from, ok := e.snapshots[source]
		if !ok {
			return ErrNoObject
		}
		for _, k := range []string{from.key, key} {
			if k != "" {
				if _, _, _, err := keys.NewDataKey(ctx, k, nil); err != nil {
					return err
				}
			}
		}
		e.snapshots[id] = fakeObject{key: key, size: from.size, from: source}
		if key != from.key {
			e.copying[id] = e.slow
		}
		return nil
	})
}

func (e *fakeEngine) CopyProgress(_ context.Context, id string) (int64, int64, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, ok := e.snapshots[id]; !ok {
		return 0, 0, ErrNoObject
	}
	left := e.copying[id]
	if left > 0 {
		e.copying[id]--
	}
	return e.slow - left, e.slow, nil
}

func (e *fakeEngine) DeleteSnapshot(_ context.Context, id string) error {
	return e.do(func() error { delete(e.snapshots, id); return nil })
}

func (e *fakeEngine) Volumes(context.Context) ([]string, error) {
	return slices.Collect(maps.Keys(e.volumes)), nil
}

func (e *fakeEngine) Snapshots(context.Context) ([]string, error) {
	return slices.Collect(maps.Keys(e.snapshots)), nil
}

type fakeKey struct {
	meta   kms.KeyMetadata
	denied map[string]bool // callers refused CreateGrant, by ARN
}

// fakeKMS knows keys, their states, and grants; the infrastructure role needs one.
type fakeKMS struct {
	w      *world
	mu     sync.Mutex
	keys   map[string]*fakeKey
	grants map[string]AttachGrant
	calls  []string
	next   int
}

func keyARN(account, name string) string {
	return "arn:aws:kms:" + testRegion + ":" + account + ":key/" + name
}

func (k *fakeKMS) add(account, name string, managed bool) {
	manager := "CUSTOMER"
	if managed {
		manager = "AWS"
	}
	k.keys[keyARN(account, name)] = &fakeKey{meta: kms.KeyMetadata{ARN: keyARN(account, name), Account: account, Spec: "SYMMETRIC_DEFAULT", Manager: manager, State: kms.Enabled}}
}

func (k *fakeKMS) setState(account, name string, state kms.KeyState) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys[keyARN(account, name)].meta.State = state
}

func (k *fakeKMS) find(caller kms.Caller, name string) (*fakeKey, error) {
	arn := name
	if name == managedKeyAlias {
		arn = keyARN(caller.Account, "aws")
	} else if !strings.HasPrefix(name, "arn:") {
		arn = keyARN(caller.Account, name)
	}
	if key, ok := k.keys[arn]; ok {
		return key, nil
	}
	return nil, &kms.Error{Kind: kms.ErrNotFound, Message: "Key '" + arn + "' does not exist"}
}

func (k *fakeKMS) DescribeKey(_ context.Context, caller kms.Caller, name string) (*kms.KeyMetadata, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key, err := k.find(caller, name)
	if err != nil {
		return nil, err
	}
	m := key.meta
	return &m, nil
}

func (k *fakeKMS) usable(arn string) error {
	key, ok := k.keys[arn]
	switch {
	case !ok:
		return &kms.Error{Kind: kms.ErrNotFound, Message: "Key '" + arn + "' does not exist"}
	case key.meta.State == kms.Disabled:
		return &kms.Error{Kind: kms.ErrDisabled, Message: arn + " is disabled."}
	case key.meta.State == kms.PendingDeletion:
		return &kms.Error{Kind: kms.ErrInvalidState, Message: arn + " is pending deletion."}
	}
	return nil
}

func (k *fakeKMS) CreateGrant(_ context.Context, caller kms.Caller, g AttachGrant) (string, error) {
	id := ""
	err := around(k.w, func() error {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.calls = append(k.calls, "CreateGrant "+caller.ARN+" via "+caller.ViaService)
		if err := k.usable(g.KeyARN); err != nil {
			return err
		}
		if k.keys[g.KeyARN].denied[caller.ARN] {
			return &kms.Error{Kind: kms.ErrAccessDenied, Message: "User: " + caller.ARN + " is not authorized to perform: kms:CreateGrant"}
		}
		for have, other := range k.grants {
			if g == other {
				id = have
				return nil
			}
		}
		k.next++
		id = fmt.Sprintf("grant-%d", k.next)
		k.grants[id] = g
		return nil
	})
	return id, err
}

func (k *fakeKMS) RetireGrant(_ context.Context, role kms.Caller, g AttachGrant) error {
	return around(k.w, func() error {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.calls = append(k.calls, "RetireGrant "+role.ARN)
		for id, have := range k.grants {
			if id == g.ID || g.ID == "" && have.VolumeID == g.VolumeID && have.InstanceID == g.InstanceID {
				delete(k.grants, id)
			}
		}
		return nil
	})
}

func (k *fakeKMS) Keyring(caller kms.Caller) blockstore.Keyring { return fakeKeyring{k, caller} }

type fakeKeyring struct {
	k      *fakeKMS
	caller kms.Caller
}

func (r fakeKeyring) NewDataKey(_ context.Context, key string, _ map[string]string) (*aead.DataKey, []byte, string, error) {
	r.k.mu.Lock()
	defer r.k.mu.Unlock()
	return nil, []byte(key), key, r.k.usable(key)
}

func (r fakeKeyring) Unwrap(_ context.Context, wrapped []byte, encryptionContext map[string]string) (*aead.DataKey, error) {
	r.k.mu.Lock()
	defer r.k.mu.Unlock()
	r.k.calls = append(r.k.calls, "Decrypt "+r.caller.ARN)
	if err := r.k.usable(string(wrapped)); err != nil {
		return nil, err
	}
	for _, g := range r.k.grants {
		if g.KeyARN == string(wrapped) && g.VolumeID == encryptionContext["aws:ebs:id"] && strings.HasSuffix(r.caller.ARN, "/"+g.InstanceID) {
			return nil, nil
		}
	}
	return nil, &kms.Error{Kind: kms.ErrAccessDenied, Message: "no grant allows it"}
}

func (r fakeKeyring) Rewrap(context.Context, []byte, map[string]string, string, map[string]string) (*aead.DataKey, []byte, string, error) {
	return nil, nil, "", errors.New("not used")
}

// fakeExports remembers what is published; a client keeps Withdraw waiting.
type fakeExports struct {
	w         *world
	mu        sync.Mutex
	published map[string]bool
	clients   map[string]chan struct{}
}

func (e *fakeExports) Publish(_ context.Context, id string) error {
	return around(e.w, func() error {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.published[id] = true
		return nil
	})
}

func (e *fakeExports) connect(id string) (leave func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	left := make(chan struct{})
	e.clients[id] = left
	return sync.OnceFunc(func() { close(left) })
}

func (e *fakeExports) Withdraw(ctx context.Context, id string, force bool) error {
	return around(e.w, func() error {
		e.mu.Lock()
		client := e.clients[id]
		if force {
			delete(e.clients, id)
		}
		e.mu.Unlock()
		if client != nil && !force {
			select {
			case <-client:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.published, id)
		return nil
	})
}

func (e *fakeExports) URI(id string) string { return "nbd+unix:///" + id + "?socket=/run/coffer.sock" }

// check compares the catalogue with the engine, the grants and the exports.
func (w *world) check() {
	w.t.Helper()
	ctx := context.Background()
	var volumes, snapshots, open, granted []string
	instances, err := collect[Instance](ctx, w.store, kindPrefix(kindInstance()))
	require.NoError(w.t, err)
	records, err := collect[Volume](ctx, w.store, kindPrefix(kindVolume()))
	require.NoError(w.t, err)
	for _, r := range records {
		v := r.value
		if v.State != VolumeError {
			volumes = append(volumes, v.ID)
		}
		require.Contains(w.t, []VolumeState{VolumeAvailable, VolumeInUseNow, VolumeError}, v.State, v.ID)
		require.Equal(w.t, v.State == VolumeInUseNow, v.Attachment != nil, "%s %s", v.ID, v.State)
		if a := v.Attachment; a != nil {
			require.Equal(w.t, Attached, a.State)
			i := instances[resourceKey(kindInstance(), v.Region, v.Owner, a.InstanceID)].value
			require.Contains(w.t, i.Devices, InstanceDevice{a.Device, v.ID})
			require.Equal(w.t, i.State == InstanceRunning, a.Serving)
			if a.Serving {
				open = append(open, v.ID)
			}
			if a.Serving && v.Encrypted {
				granted = append(granted, v.ID)
			}
		}
	}
	for _, r := range instances {
		require.Contains(w.t, []InstanceState{InstanceRunning, InstanceStopped, InstanceTerminated}, r.value.State)
		for _, d := range r.value.Devices {
			v := records[resourceKey(kindVolume(), r.value.Region, r.value.Owner, d.VolumeID)].value
			require.NotNil(w.t, v.Attachment, "%s at %s", d.VolumeID, r.value.ID)
			require.Equal(w.t, r.value.ID, v.Attachment.InstanceID)
		}
	}
	snaps, err := collect[Snapshot](ctx, w.store, kindPrefix(kindSnapshot()))
	require.NoError(w.t, err)
	for _, r := range snaps {
		require.Contains(w.t, []SnapshotState{SnapshotCompleted, SnapshotError}, r.value.State, r.value.ID)
		if r.value.State == SnapshotCompleted {
			snapshots = append(snapshots, r.value.ID)
		}
	}
	images, err := collect[Image](ctx, w.store, kindPrefix(kindImage()))
	require.NoError(w.t, err)
	for _, r := range images {
		require.Contains(w.t, []ImageState{ImageAvailable, ImageFailed}, r.value.State, r.value.ID)
	}
	var grants []string
	for _, g := range w.keys.grants {
		grants = append(grants, g.VolumeID)
	}
	require.ElementsMatch(w.t, volumes, slices.Collect(maps.Keys(w.engine.volumes)), "volumes")
	require.ElementsMatch(w.t, snapshots, slices.Collect(maps.Keys(w.engine.snapshots)), "snapshots")
	require.ElementsMatch(w.t, open, slices.Collect(maps.Keys(w.engine.open)), "open volumes")
	require.ElementsMatch(w.t, open, slices.Collect(maps.Keys(w.ports.published)), "exports")
	require.ElementsMatch(w.t, granted, grants, "grants")
}

var _ meta.Store = faultyStore{}
