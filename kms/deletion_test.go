package kms_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/kms"
)

func TestDeletion(t *testing.T) {
	w := newWorld(t)
	key := w.key()
	require.NoError(t, w.CreateAlias(ctx, w.root, kms.AliasInput{AliasName: "alias/gone", TargetKeyID: key.ID}))
	_, err := w.CreateGrant(ctx, w.root, kms.CreateGrantInput{KeyID: key.ID, GranteePrincipal: w.root.ARN, RetiringPrincipal: w.root.ARN,
		Operations: []string{"Decrypt"}, Name: "n"})
	require.NoError(t, err)
	enc, err := w.Encrypt(ctx, w.root, kms.EncryptInput{KeyID: key.ID, Plaintext: []byte("x")})
	require.NoError(t, err)
	for _, days := range []int{6, 31} {
		_, err := w.ScheduleKeyDeletion(ctx, w.root, kms.ScheduleKeyDeletionInput{KeyID: key.ID, PendingWindowInDays: ptr(days)})
		require.ErrorIs(t, err, kms.ErrValidation)
	}
	out, err := w.ScheduleKeyDeletion(ctx, w.root, kms.ScheduleKeyDeletionInput{KeyID: key.ID, PendingWindowInDays: ptr(7)})
	require.NoError(t, err)
	require.Equal(t, w.clock.now().AddDate(0, 0, 7), out.DeletionDate)
	require.Equal(t, 7, w.describe(key.ID).PendingWindowDays)

	// A restart in the window changes nothing; neither does Tick.
	w.clock.days(6)
	require.NoError(t, w.Close())
	w.reopen()
	require.NoError(t, w.Tick(ctx))
	require.Equal(t, kms.PendingDeletion, w.describe(key.ID).State)
	_, err = w.CancelKeyDeletion(ctx, w.root, kms.KeyInput{KeyID: key.ID})
	require.NoError(t, err)
	require.Equal(t, kms.Disabled, w.describe(key.ID).State)
	require.NoError(t, w.Tick(ctx))
	_, err = w.ScheduleKeyDeletion(ctx, w.root, kms.ScheduleKeyDeletionInput{KeyID: key.ID, PendingWindowInDays: ptr(7)})
	require.NoError(t, err)

	// When the window has passed the key is gone, before and after Tick.
	w.clock.days(7)
	for range 2 {
		_, err = w.DescribeKey(ctx, w.root, kms.DescribeKeyInput{KeyID: key.ID})
		requireRefused(t, err, kms.ErrNotFound, "Key '"+key.ARN+"' does not exist")
		_, err = w.Decrypt(ctx, w.root, kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob})
		requireRefused(t, err, kms.ErrInvalidCiphertext, "")
		_, err = w.CancelKeyDeletion(ctx, w.root, kms.KeyInput{KeyID: key.ID})
		require.ErrorIs(t, err, kms.ErrNotFound)
		require.NoError(t, w.Tick(ctx))
	}
	require.Contains(t, w.trail.names(), "DeleteKey")
	require.Empty(t, w.keysOf(key.ID), "nothing of the key is left in the store")
	_, err = w.DescribeKey(ctx, w.root, kms.DescribeKeyInput{KeyID: "alias/gone"})
	require.ErrorIs(t, err, kms.ErrNotFound)
}

// keysOf returns the names in the store that have to do with a key.
func (w *world) keysOf(id string) (names []string) {
	require.NoError(w.t, w.opts.Store.Scan(ctx, "kms/", "", 0, func(name string, _ []byte, _ uint64) error {
		if strings.Contains(name, id) {
			names = append(names, name)
		}
		return nil
	}))
	return names
}
