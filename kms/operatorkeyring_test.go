package kms_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/kms"
)

// The operator's keyring opens what states and policies refuse, under the right context only, and not unseen.
func TestOperatorKeyring(t *testing.T) {
	w := newWorld(t)
	ec := map[string]string{"aws:ebs:id": "vol-1"}
	root := w.RootCaller()
	key, err := w.CreateKey(ctx, root, kms.CreateKeyInput{})
	require.NoError(t, err)
	dek, wrapped, _, err := w.Keyring().NewDataKey(ctx, key.ARN, ec)
	require.NoError(t, err)
	require.NoError(t, w.DisableKey(ctx, root, kms.KeyInput{KeyID: key.ID}))

	_, err = w.StoreKeyring().Unwrap(ctx, wrapped, ec)
	require.ErrorIs(t, err, kms.ErrDisabled)
	got, err := w.OperatorKeyring().Unwrap(ctx, wrapped, ec)
	require.NoError(t, err)
	require.True(t, got.Matches(dek.Commitment()))
	event := w.trail.last(t)
	require.Equal(t, "Decrypt", event["eventName"])
	require.NotContains(t, event, "errorCode")

	_, err = w.OperatorKeyring().Unwrap(ctx, wrapped, nil)
	require.ErrorIs(t, err, kms.ErrInvalidCiphertext)
	_, _, _, err = w.OperatorKeyring().NewDataKey(ctx, key.ARN, ec)
	require.ErrorIs(t, err, kms.ErrDisabled, "it opens, and no more")
}
