package kms_test

import (
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/stretchr/testify/require"

	"coffer.example/internal/meta/pebblemeta"
	"coffer.example/kms"
)

// TestFailedStoreAnswersInternalError fails a write of the log under the KMS. What was
// being changed is refused as internal, and so is everything after it, also what the
// caches know; a new process on the disk has every key that was acknowledged.
func TestFailedStoreAnswersInternalError(t *testing.T) {
	mem := vfs.NewCrashableMem()
	var broken atomic.Bool
	fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if broken.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite && strings.HasSuffix(op.Path, ".log") {
			return errorfs.ErrInjected
		}
		return nil
	}))
	store, err := pebblemeta.Open(pebblemeta.Options{Dir: "meta", FS: fs})
	require.NoError(t, err)
	dir := t.TempDir()
	o := kms.Options{Dir: filepath.Join(dir, "data"), Root: kms.RootKeyFile(filepath.Join(dir, "root.key")), Store: store, Account: account}
	require.NoError(t, kms.Init(o))
	k, err := kms.Open(o)
	require.NoError(t, err)
	require.NoError(t, k.Failed())
	root := k.RootCaller()
	key, err := k.CreateKey(ctx, root, kms.CreateKeyInput{})
	require.NoError(t, err)
	enc, err := k.Encrypt(ctx, root, kms.EncryptInput{KeyID: key.ID, Plaintext: []byte("x")})
	require.NoError(t, err)

	broken.Store(true)
	require.ErrorIs(t, k.DisableKey(ctx, root, kms.KeyInput{KeyID: key.ID}), kms.ErrInternal)
	require.ErrorIs(t, k.Failed(), kms.ErrStoreFailed)
	broken.Store(false) // it stays failed
	_, err = k.DescribeKey(ctx, root, kms.DescribeKeyInput{KeyID: key.ID})
	requireRefused(t, err, kms.ErrInternal, "The request failed due to an internal error.")
	_, err = k.Decrypt(ctx, root, kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob})
	require.ErrorIs(t, err, kms.ErrInternal)
	_, err = k.CreateKey(ctx, root, kms.CreateKeyInput{})
	require.ErrorIs(t, err, kms.ErrInternal)
	_ = k.Close() // a failed store does not close
	require.ErrorIs(t, store.Close(), kms.ErrStoreFailed)

	after, err := pebblemeta.Open(pebblemeta.Options{Dir: "meta", FS: mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 0})})
	require.NoError(t, err)
	o.Store = after
	k, err = kms.Open(o)
	require.NoError(t, err)
	_, err = k.Decrypt(ctx, root, kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob})
	require.NoError(t, err)
	require.NoError(t, k.Close())
	require.NoError(t, after.Close())
}
