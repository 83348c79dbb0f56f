package kms_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/kms"
)

// The store's own keyring opens data keys of every account, Region and manager; the
// account root's opens none of these. What a key refuses to its owner stays refused.
func TestStoreKeyring(t *testing.T) {
	w := newWorld(t)
	ec := map[string]string{"aws:ebs:id": "vol-1"}
	other := kms.Caller{Account: "444455556666", ARN: "arn:aws:iam::444455556666:root", UserID: "444455556666", Type: "Root", Region: "eu-west-1"}
	key, err := w.CreateKey(ctx, other, kms.CreateKeyInput{})
	require.NoError(t, err)
	through := other
	through.ViaService = "ec2.eu-west-1.amazonaws.com"
	for _, name := range []string{key.ARN, "alias/aws/ebs"} {
		dek, wrapped, _, err := w.KeyringFor(through).NewDataKey(ctx, name, ec)
		require.NoError(t, err)
		_, err = w.Keyring().Unwrap(ctx, wrapped, ec)
		require.Error(t, err)
		got, err := w.StoreKeyring().Unwrap(ctx, wrapped, ec)
		require.NoError(t, err)
		require.True(t, got.Matches(dek.Commitment()))
		_, err = w.StoreKeyring().Unwrap(ctx, wrapped, nil)
		require.ErrorIs(t, err, kms.ErrInvalidCiphertext)
	}
	_, wrapped, _, err := w.KeyringFor(through).NewDataKey(ctx, key.ARN, ec)
	require.NoError(t, err)
	require.NoError(t, w.DisableKey(ctx, other, kms.KeyInput{KeyID: key.ID}))
	_, err = w.StoreKeyring().Unwrap(ctx, wrapped, ec)
	require.ErrorIs(t, err, kms.ErrDisabled)
	_, err = w.StoreKeyring().Unwrap(ctx, []byte("junk"), ec)
	require.ErrorIs(t, err, kms.ErrInvalidCiphertext)
}

// What the context says is a database's is opened through RDS, also under a customer's key.
func TestStoreKeyringOfDatabases(t *testing.T) {
	w := newWorld(t)
	root := w.RootCaller()
	key, err := w.CreateKey(ctx, root, kms.CreateKeyInput{Policy: `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"AWS":"` + root.ARN + `"},"Action":"kms:*","Resource":"*"},
		{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"kms:Decrypt","Resource":"*","Condition":{"StringNotEquals":{"kms:ViaService":"rds.` + root.Region + `.amazonaws.com"}}}]}`})
	require.NoError(t, err)
	for _, c := range []struct {
		ec   map[string]string
		want error
	}{
		{map[string]string{"aws:rds:db-id": "db-1", "aws:ebs:id": "vol-1"}, nil},
		{map[string]string{"aws:ebs:id": "vol-1"}, kms.ErrAccessDenied},
	} {
		_, wrapped, _, err := w.Keyring().NewDataKey(ctx, key.ARN, c.ec)
		require.NoError(t, err)
		_, err = w.StoreKeyring().Unwrap(ctx, wrapped, c.ec)
		require.ErrorIs(t, err, c.want)
	}
}
