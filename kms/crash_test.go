package kms_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"coffer.example/internal/meta/memmeta"
	"coffer.example/internal/meta/metatest"
	"coffer.example/kms"
)

// TestDeletionErasesMaterial finds the stored bytes of a key's material before its
// deletion, and in no live file after it.
func TestDeletionErasesMaterial(t *testing.T) {
	fs := metatest.NewCrashFS()
	store := fs.Open(t)
	w := newWorldOn(t, store)
	key, kept := w.key(), w.key()
	_, err := w.RotateKeyOnDemand(ctx, w.root, kms.KeyInput{KeyID: key.ID})
	require.NoError(t, err)
	raw := func(id string) (out [][]byte) {
		require.NoError(t, store.Scan(ctx, "kms/material/"+id+"/", "", 0, func(_ string, value []byte, _ uint64) error {
			out = append(out, bytes.Clone(value))
			return nil
		}))
		return out
	}
	gone, stays := raw(key.ID), raw(kept.ID)
	require.Len(t, gone, 2)
	for _, b := range gone {
		require.True(t, fs.Contains(t, b))
	}
	_, err = w.ScheduleKeyDeletion(ctx, w.root, kms.ScheduleKeyDeletionInput{KeyID: key.ID, PendingWindowInDays: ptr(7)})
	require.NoError(t, err)
	w.clock.days(7)
	require.NoError(t, w.Tick(ctx))
	for _, b := range gone {
		require.False(t, fs.Contains(t, b))
	}
	require.True(t, fs.Contains(t, stays[0]))

	im := newImporter(w)
	ext := w.external()
	require.NoError(t, im.put(ext.ID, bytesOf(0x11), ""))
	imported := raw(ext.ID)[0]
	require.True(t, fs.Contains(t, imported))
	_, err = w.DeleteImportedKeyMaterial(ctx, w.root, kms.DeleteImportedKeyMaterialInput{KeyID: ext.ID})
	require.NoError(t, err)
	require.False(t, fs.Contains(t, imported), "imported material goes at once")
}

// history is what a client knows after a run that ended in a crash: the names of what
// it was told exists.
type history struct {
	mu   sync.Mutex
	keys map[string]*known // by key id
}

type known struct {
	blobs    [][]byte
	material string
	grants   map[string]bool
	alias    string
	disabled bool
	deleting bool
	unsure   bool // a change was in progress
}

// work makes keys and changes them until the store dies.
func (h *history) work(w *world, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	for n := 0; ; n++ {
		m, err := w.CreateKey(ctx, w.root, kms.CreateKeyInput{})
		if err != nil {
			return
		}
		k := &known{grants: map[string]bool{}, material: m.CurrentMaterialID}
		h.mu.Lock()
		h.keys[m.ID] = k
		h.mu.Unlock()
		for range rng.IntN(5) {
			if !h.step(w, rng, m.ID, k) {
				return
			}
		}
	}
}

// step does one change; what is acknowledged is noted, what is not leaves the key unsure.
func (h *history) step(w *world, rng *rand.Rand, id string, k *known) bool {
	set := func(fn func()) { h.mu.Lock(); defer h.mu.Unlock(); fn() }
	set(func() { k.unsure = true })
	var err error
	switch rng.IntN(5) {
	case 0:
		var enc *kms.EncryptOutput
		if enc, err = w.Encrypt(ctx, w.root, kms.EncryptInput{KeyID: id, Plaintext: []byte(id)}); err == nil {
			set(func() { k.blobs = append(k.blobs, enc.CiphertextBlob) })
		} else if errors.Is(err, kms.ErrDisabled) || errors.Is(err, kms.ErrInvalidState) {
			err = nil
		}
	case 1:
		var out *kms.CreateGrantOutput
		if out, err = w.CreateGrant(ctx, w.root, kms.CreateGrantInput{KeyID: id, GranteePrincipal: w.root.ARN, RetiringPrincipal: w.root.ARN, Operations: []string{"Decrypt"}}); err == nil {
			set(func() { k.grants[out.GrantID] = true })
		} else if errors.Is(err, kms.ErrDisabled) || errors.Is(err, kms.ErrInvalidState) {
			err = nil
		}
	case 2:
		if err = w.DisableKey(ctx, w.root, kms.KeyInput{KeyID: id}); err == nil {
			set(func() { k.disabled = true })
		} else if errors.Is(err, kms.ErrInvalidState) {
			err = nil
		}
	case 3:
		if _, err = w.RotateKeyOnDemand(ctx, w.root, kms.KeyInput{KeyID: id}); err == nil {
			set(func() { k.material = "" })
		} else if errors.Is(err, kms.ErrDisabled) || errors.Is(err, kms.ErrInvalidState) {
			err = nil
		}
	case 4:
		if _, err = w.ScheduleKeyDeletion(ctx, w.root, kms.ScheduleKeyDeletionInput{KeyID: id}); err == nil {
			set(func() { k.deleting = true })
		} else if errors.Is(err, kms.ErrInvalidState) {
			err = nil
		}
	}
	if err == nil {
		set(func() { k.unsure = false })
	}
	return err == nil
}

// copy returns what was known at one moment.
func (h *history) copy() map[string]known {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := map[string]known{}
	for id, k := range h.keys {
		c := *k
		c.grants = map[string]bool{}
		for g := range k.grants {
			c.grants[g] = true
		}
		out[id] = c
	}
	return out
}

// TestCrashLosesNothingAcknowledged drops unsynced data at random moments under
// concurrent changes: what was acknowledged is there, and nothing is half-made.
func TestCrashLosesNothingAcknowledged(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	fs := metatest.NewCrashFS()
	w := newWorldOn(t, fs.Open(t))
	h := &history{keys: map[string]*known{}}
	dead := &failingStore{Store: w.opts.Store, commits: 1 << 30}
	w.opts.Store = dead
	w.reopen()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() { h.work(w, seed+uint64(i)) })
	}
	for range 8 {
		time.Sleep(time.Duration(5+rng.IntN(20)) * time.Millisecond)
		want := h.copy()
		checkAfterCrash(t, w, fs.Crash(rng.IntN(101), rng), want)
	}
	dead.limit(0)
	wg.Wait()
	dead.limit(1 << 30)
}

// checkAfterCrash opens a KMS on what a crash has left.
func checkAfterCrash(t *testing.T, w *world, fs *metatest.CrashFS, want map[string]known) {
	t.Helper()
	store := fs.Open(t)
	o := w.opts
	o.Store, o.Recorder = store, nil
	k, err := kms.Open(o)
	require.NoError(t, err)
	for id, known := range want {
		m, err := k.DescribeKey(ctx, w.root, kms.DescribeKeyInput{KeyID: id})
		require.NoError(t, err, "an acknowledged key is lost")
		if known.deleting {
			require.Equal(t, kms.PendingDeletion, m.State)
		} else if known.disabled && !known.unsure {
			require.Equal(t, kms.Disabled, m.State)
		}
		list, err := k.ListGrants(ctx, w.root, kms.ListGrantsInput{KeyID: id})
		require.NoError(t, err)
		for _, g := range list.Grants {
			delete(known.grants, g.ID)
		}
		require.Empty(t, known.grants, "an acknowledged grant is lost")
		if m.State != kms.Enabled {
			continue
		}
		for _, blob := range known.blobs {
			out, err := k.Decrypt(ctx, w.root, kms.DecryptInput{CiphertextBlob: blob})
			require.NoError(t, err)
			require.Equal(t, id, string(out.Plaintext))
		}
	}
	requireWhole(t, store)
	require.NoError(t, k.Close())
	require.NoError(t, store.Close())
}

// requireWhole checks that every index entry has its record and every key its parts.
func requireWhole(t *testing.T, s kms.Store) {
	t.Helper()
	names := map[string]bool{}
	require.NoError(t, s.Scan(ctx, "kms/", "", 0, func(name string, _ []byte, _ uint64) error { names[name] = true; return nil }))
	for name := range names {
		p := strings.Split(name, "/")
		switch p[1] {
		case "keys":
			require.True(t, names["kms/key/"+p[4]], name)
		case "material", "grant":
			require.True(t, names["kms/key/"+p[2]], name)
		case "grantee":
			require.True(t, names["kms/grant/"+p[2]+"/"+p[4]], name)
		case "retiring":
			require.True(t, names["kms/grant/"+p[5]+"/"+p[6]], name)
		case "due":
			require.True(t, names["kms/key/"+p[3]], name)
		}
	}
}

// TestFailEveryCommit fails commit N for N = 1, 2, 3 … of a deletion, before and
// after it is applied: Tick finishes it the next time.
func TestFailEveryCommit(t *testing.T) {
	for _, after := range []bool{false, true} {
		for n := 0; ; n++ {
			s := &failingStore{Store: memmeta.New(), commits: 1 << 30, after: after}
			w := newWorldOn(t, s)
			key := w.key()
			for i := range 60 {
				w.grant(w.root, kms.CreateGrantInput{KeyID: key.ID, GranteePrincipal: w.root.ARN, RetiringPrincipal: w.root.ARN, Operations: []string{"Decrypt"}, Name: fmt.Sprint("n", i)})
			}
			_, err := w.ScheduleKeyDeletion(ctx, w.root, kms.ScheduleKeyDeletionInput{KeyID: key.ID, PendingWindowInDays: ptr(7)})
			require.NoError(t, err)
			w.clock.days(7)
			s.limit(n)
			err = w.Tick(ctx)
			s.limit(1 << 30)
			if err != nil {
				require.ErrorIs(t, err, errStore)
				require.NoError(t, w.Tick(ctx))
			}
			require.Empty(t, w.keysOf(key.ID))
			if err == nil {
				require.Greater(t, n, 5, "the faults did reach the deletion")
				break
			}
		}
	}
}

func (s *failingStore) limit(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commits = n
}

// TestConcurrentChangesAndUses has uses run against disable and enable: after an
// acknowledged DisableKey no use succeeds.
func TestConcurrentChangesAndUses(t *testing.T) {
	w := newWorld(t)
	w.SetRecorder(nil)
	key := w.key()
	enc, err := w.Encrypt(ctx, w.root, kms.EncryptInput{KeyID: key.ID, Plaintext: []byte("x")})
	require.NoError(t, err)
	stop, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for stop.Err() == nil {
				_, err := w.Decrypt(ctx, w.root, kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob})
				if err != nil && !errors.Is(err, kms.ErrDisabled) {
					t.Error(err)
				}
			}
		})
	}
	for range 200 {
		require.NoError(t, w.DisableKey(ctx, w.root, kms.KeyInput{KeyID: key.ID}))
		_, err := w.Decrypt(ctx, w.root, kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob})
		require.ErrorIs(t, err, kms.ErrDisabled)
		require.NoError(t, w.EnableKey(ctx, w.root, kms.KeyInput{KeyID: key.ID}))
		_, err = w.Decrypt(ctx, w.root, kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob})
		require.NoError(t, err)
	}
	cancel()
	wg.Wait()
}
