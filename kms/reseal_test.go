package kms_test

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/internal/meta/memmeta"
	"coffer.example/kms"
)

func TestReseal(t *testing.T) {
	o := dirOptions(t)
	require.NoError(t, kms.Init(o))
	k, err := kms.Open(o)
	require.NoError(t, err)
	_, blob, _, err := k.Keyring().NewDataKey(ctx, "", nil)
	require.NoError(t, err)
	require.ErrorIs(t, kms.Reseal(o, kms.RootPassphrase([]byte("p"))), kms.ErrInUse)
	require.NoError(t, k.Close())

	before := snapshot(t, o.Dir)
	wrong := o
	wrong.Root = kms.RootPassphrase([]byte("p"))
	require.ErrorIs(t, kms.Reseal(wrong, o.Root), kms.ErrWrongRoot)
	require.ErrorContains(t, kms.Reseal(o, kms.RootKeyFile(filepath.Join(o.Dir, "inside"))), "lies in the data directory")
	after := snapshot(t, o.Dir)
	require.Equal(t, before[filepath.Join(o.Dir, "root.sealed")], after[filepath.Join(o.Dir, "root.sealed")])

	next := kms.RootKeyFile(filepath.Join(filepath.Dir(o.Dir), "next.key"))
	require.NoError(t, kms.Reseal(o, next))
	_, err = kms.Open(o)
	require.ErrorIs(t, err, kms.ErrWrongRoot)
	o.Root = next
	k, err = kms.Open(o)
	require.NoError(t, err)
	_, err = k.Keyring().Unwrap(ctx, blob, nil)
	require.NoError(t, err)
	require.NoError(t, k.Close())
}

// TestRotateRoot replaces the root key of a store with everything in it.
func TestRotateRoot(t *testing.T) {
	o := dirOptions(t)
	require.NoError(t, kms.Init(o))
	k, err := kms.Open(o)
	require.NoError(t, err)
	root := k.RootCaller()
	var blobs [][]byte
	for range 40 {
		key, err := k.CreateKey(ctx, root, kms.CreateKeyInput{})
		require.NoError(t, err)
		enc, err := k.Encrypt(ctx, root, kms.EncryptInput{KeyID: key.ID, Plaintext: []byte("x")})
		require.NoError(t, err)
		_, err = k.RotateKeyOnDemand(ctx, root, kms.KeyInput{KeyID: key.ID})
		require.NoError(t, err)
		blobs = append(blobs, enc.CiphertextBlob)
	}
	require.NoError(t, k.Store().Commit(ctx, nil, map[string][]byte{"catalogue/x": []byte("entry")}))
	audit := k.AuditKey().Sum([]byte("m"))
	require.NoError(t, k.Close())
	old, err := os.ReadFile(filepath.Join(o.Dir, "root.sealed"))
	require.NoError(t, err)

	require.NoError(t, kms.RotateRoot(o))
	k, err = kms.Open(o)
	require.NoError(t, err)
	for _, blob := range blobs {
		_, err := k.Decrypt(ctx, root, kms.DecryptInput{CiphertextBlob: blob})
		require.NoError(t, err)
	}
	v, _, err := k.Store().Get(ctx, "catalogue/x")
	require.NoError(t, err)
	require.Equal(t, "entry", string(v))
	require.Equal(t, audit, k.AuditKey().Sum([]byte("m")))
	require.NoError(t, k.Close())

	// The former root key opens nothing any more.
	require.NoError(t, os.WriteFile(filepath.Join(o.Dir, "root.sealed"), old, 0o600))
	_, err = kms.Open(o)
	require.ErrorIs(t, err, kms.ErrDamaged)
}

// TestRotateRootInterrupted fails commit N of a rotation for N = 0, 1, 2 …: meanwhile
// Open refuses, and the next RotateRoot finishes.
func TestRotateRootInterrupted(t *testing.T) {
	for n := 0; ; n++ {
		s := &failingStore{Store: memmeta.New(), commits: 1 << 30, after: n%2 == 1}
		w := newWorldOn(t, s)
		var blobs [][]byte
		for range 25 {
			enc, err := w.Encrypt(ctx, w.root, kms.EncryptInput{KeyID: w.key().ID, Plaintext: []byte("x")})
			require.NoError(t, err)
			blobs = append(blobs, enc.CiphertextBlob)
		}
		require.NoError(t, w.Close())
		s.limit(n)
		err := kms.RotateRoot(w.opts)
		s.limit(1 << 30)
		if err != nil {
			require.ErrorIs(t, err, errStore)
			_, err := kms.Open(w.opts)
			require.ErrorContains(t, err, "finish with RotateRoot")
			require.ErrorContains(t, kms.Reseal(w.opts, w.opts.Root), "finish with RotateRoot")
			require.NoError(t, kms.RotateRoot(w.opts))
		}
		w.reopen()
		for _, blob := range blobs {
			_, err := w.Decrypt(ctx, w.root, kms.DecryptInput{CiphertextBlob: blob})
			require.NoError(t, err)
		}
		if err == nil {
			require.Greater(t, n, 2, "the faults did reach the rotation")
			return
		}
	}
}

// TestSealedStoreShowsNothing looks for what only the KMS knows in the raw store.
func TestSealedStoreShowsNothing(t *testing.T) {
	w := newWorld(t)
	key, err := w.CreateKey(ctx, w.root, kms.CreateKeyInput{Description: "description-marker", Tags: []kms.Tag{{Key: "tag-marker"}}})
	require.NoError(t, err)
	w.grant(w.root, kms.CreateGrantInput{KeyID: key.ID, GranteePrincipal: w.root.ARN + "", Operations: []string{"Decrypt"},
		EncryptionContextEquals: pairs{"context-marker": "v"}, Name: "name-marker"})
	require.NoError(t, w.opts.Store.Scan(ctx, "", "", 0, func(name string, value []byte, _ uint64) error {
		for _, marker := range []string{"marker", "Enabled", "arn:aws"} {
			require.NotContains(t, name+string(value), marker)
			require.False(t, bytes.Contains(value, []byte(hex.EncodeToString([]byte(marker)))))
		}
		return nil
	}))
}
