package kms_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/kms"
)

// parent is a KMS in the process as the parent of another.
type parent struct{ w *world }

func (p parent) Encrypt(ctx context.Context, keyID string, plaintext []byte, ec map[string]string) ([]byte, string, error) {
	out, err := p.w.KMS.Encrypt(ctx, p.w.root, kms.EncryptInput{KeyID: keyID, Plaintext: plaintext, EncryptionContext: ec})
	if err != nil {
		return nil, "", err
	}
	return out.CiphertextBlob, out.KeyARN, nil
}

func (p parent) Decrypt(ctx context.Context, keyARN string, blob []byte, ec map[string]string) ([]byte, error) {
	out, err := p.w.KMS.Decrypt(ctx, p.w.root, kms.DecryptInput{KeyID: keyARN, CiphertextBlob: blob, EncryptionContext: ec})
	if err != nil {
		return nil, err
	}
	return out.Plaintext, nil
}

func TestParentKMS(t *testing.T) {
	w := newWorld(t)
	key := w.key()
	o := dirOptions(t)
	o.Root = kms.RootParent(parent{w}, key.ID)
	require.NoError(t, kms.Init(o))
	o.Root = kms.RootParent(parent{w}, "") // opening needs no key id
	k, err := kms.Open(o)
	require.NoError(t, err)
	require.NoError(t, k.Close())
	require.Contains(t, w.trail.last(t)["requestParameters"].(map[string]any)["encryptionContext"], "coffer:store")

	before := snapshot(t, o.Dir)
	require.NoError(t, w.DisableKey(ctx, w.root, kms.KeyInput{KeyID: key.ID}))
	_, err = kms.Open(o)
	require.ErrorIs(t, err, kms.ErrDisabled)
	stranger := o
	stranger.Root = kms.RootParent(refuses{}, "")
	_, err = kms.Open(stranger)
	require.ErrorIs(t, err, kms.ErrWrongRoot)
	require.Equal(t, before, snapshot(t, o.Dir))
	require.NoError(t, w.EnableKey(ctx, w.root, kms.KeyInput{KeyID: key.ID}))
	k, err = kms.Open(o)
	require.NoError(t, err)
	require.NoError(t, k.Close())
	require.NoError(t, kms.Reseal(o, kms.InsecureRootKeyFile(o.Dir+"/root.key")))
}

// refuses is a parent that knows no blob.
type refuses struct{}

func (refuses) Encrypt(context.Context, string, []byte, map[string]string) ([]byte, string, error) {
	return nil, "", errors.New("unused")
}

func (refuses) Decrypt(context.Context, string, []byte, map[string]string) ([]byte, error) {
	return nil, kms.ErrInvalidCiphertext
}
