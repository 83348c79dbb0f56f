package kms_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/aead"
	"coffer.example/kms"
)

func TestEncryptDecrypt(t *testing.T) {
	w := newWorld(t)
	key := w.key()
	require.Equal(t, kms.Enabled, key.State)
	for _, size := range []int{1, 32, 4096} {
		plain := bytes.Repeat([]byte{'p'}, size)
		enc, err := w.Encrypt(ctx, w.root, kms.EncryptInput{KeyID: key.ID, Plaintext: plain, EncryptionContext: pairs{"a": "b"}})
		require.NoError(t, err)
		require.Equal(t, key.ARN, enc.KeyARN)
		require.LessOrEqual(t, len(enc.CiphertextBlob), 6144)
		dec, err := w.Decrypt(ctx, w.root, kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob, EncryptionContext: pairs{"a": "b"}})
		require.NoError(t, err)
		require.Equal(t, plain, dec.Plaintext)
		require.Equal(t, key.ARN, dec.KeyARN)
		require.Equal(t, key.CurrentMaterialID, dec.KeyMaterialID)
	}
}

// TestContextIsInjective is the case that concatenating emulators get wrong.
func TestContextIsInjective(t *testing.T) {
	w := newWorld(t)
	key := w.key()
	contexts := []pairs{nil, {"a": "bc"}, {"ab": "c"}, {"abc": ""}, {"": "abc"}, {"a": "b", "c": ""}, {"a": "", "bc": ""}, {"A": "bc"}, {"a": "bc "}}
	for i, sealed := range contexts {
		enc, err := w.Encrypt(ctx, w.root, kms.EncryptInput{KeyID: key.ID, Plaintext: []byte("x"), EncryptionContext: sealed})
		require.NoError(t, err)
		for j, opened := range contexts {
			_, err := w.Decrypt(ctx, w.root, kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob, EncryptionContext: opened})
			if i == j {
				require.NoError(t, err)
				continue
			}
			requireRefused(t, err, kms.ErrInvalidCiphertext, "")
		}
	}
}

func TestContextLimits(t *testing.T) {
	w := newWorld(t)
	key := w.key()
	many := pairs{}
	for i := range kms.MaxContextPairs + 1 {
		many[string(rune('a'+i))] = ""
	}
	for name, ec := range map[string]pairs{
		"pairs": many,
		"bytes": {"a": string(make([]byte, kms.MaxContextBytes))},
		"UTF-8": {"a": "\xff"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.Encrypt(ctx, w.root, kms.EncryptInput{KeyID: key.ID, Plaintext: []byte("x"), EncryptionContext: ec})
			require.ErrorIs(t, err, kms.ErrValidation)
		})
	}
}

// TestEveryFlipIsInvalid flips every bit of a blob: the answer never says why it fails.
func TestEveryFlipIsInvalid(t *testing.T) {
	w := newWorld(t)
	key := w.key()
	w.key()
	enc, err := w.Encrypt(ctx, w.root, kms.EncryptInput{KeyID: key.ID, Plaintext: []byte("secret")})
	require.NoError(t, err)
	for i := range enc.CiphertextBlob {
		for bit := range 8 {
			blob := bytes.Clone(enc.CiphertextBlob)
			blob[i] ^= 1 << bit
			_, err := w.Decrypt(ctx, w.root, kms.DecryptInput{CiphertextBlob: blob})
			requireRefused(t, err, kms.ErrInvalidCiphertext, "")
		}
	}
	for n := 1; n < len(enc.CiphertextBlob); n++ {
		_, err := w.Decrypt(ctx, w.root, kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob[:n]})
		requireRefused(t, err, kms.ErrInvalidCiphertext, "")
	}
}

func TestDecryptUnderAnotherKeyID(t *testing.T) {
	w := newWorld(t)
	a, b := w.key(), w.key()
	enc, err := w.Encrypt(ctx, w.root, kms.EncryptInput{KeyID: a.ID, Plaintext: []byte("x")})
	require.NoError(t, err)
	_, err = w.Decrypt(ctx, w.root, kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob, KeyID: b.ARN})
	requireRefused(t, err, kms.ErrIncorrectKey, "The key ID in the request does not identify a CMK that can perform this operation.")
	_, err = w.Decrypt(ctx, w.root, kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob, KeyID: a.ARN})
	require.NoError(t, err)
}

func TestReEncrypt(t *testing.T) {
	w := newWorld(t)
	a, b := w.key(), w.key()
	enc, err := w.Encrypt(ctx, w.root, kms.EncryptInput{KeyID: a.ID, Plaintext: []byte("x"), EncryptionContext: pairs{"k": "1"}})
	require.NoError(t, err)
	re, err := w.ReEncrypt(ctx, w.root, kms.ReEncryptInput{CiphertextBlob: enc.CiphertextBlob, SourceEncryptionContext: pairs{"k": "1"},
		DestinationKeyID: b.ARN, DestinationEncryptionContext: pairs{"k": "2"}})
	require.NoError(t, err)
	require.Equal(t, a.ARN, re.SourceKeyARN)
	require.Equal(t, b.ARN, re.KeyARN)
	require.Equal(t, a.CurrentMaterialID, re.SourceKeyMaterialID)
	require.Equal(t, b.CurrentMaterialID, re.DestinationKeyMaterialID)
	dec, err := w.Decrypt(ctx, w.root, kms.DecryptInput{CiphertextBlob: re.CiphertextBlob, EncryptionContext: pairs{"k": "2"}})
	require.NoError(t, err)
	require.Equal(t, "x", string(dec.Plaintext))
	require.Len(t, w.trail.events[len(w.trail.events)-2]["resources"], 2)
}

func TestGenerateDataKey(t *testing.T) {
	w := newWorld(t)
	key := w.key()
	for _, in := range []struct {
		spec  string
		bytes *int
		size  int
	}{{spec: "AES_256", size: 32}, {spec: "AES_128", size: 16}, {bytes: ptr(64), size: 64}, {bytes: ptr(1024), size: 1024}} {
		req := kms.GenerateDataKeyInput{KeyID: key.ID, KeySpec: in.spec, NumberOfBytes: in.bytes, EncryptionContext: pairs{"v": "1"}}
		out, err := w.GenerateDataKey(ctx, w.root, req)
		require.NoError(t, err)
		require.Len(t, out.Plaintext, in.size)
		require.Equal(t, key.CurrentMaterialID, out.KeyMaterialID)
		dec, err := w.Decrypt(ctx, w.root, kms.DecryptInput{CiphertextBlob: out.CiphertextBlob, EncryptionContext: pairs{"v": "1"}})
		require.NoError(t, err)
		require.Equal(t, out.Plaintext, dec.Plaintext)
		out, err = w.GenerateDataKeyWithoutPlaintext(ctx, w.root, req)
		require.NoError(t, err)
		require.Nil(t, out.Plaintext)
	}
	for _, in := range []kms.GenerateDataKeyInput{{KeyID: key.ID}, {KeyID: key.ID, KeySpec: "AES_256", NumberOfBytes: ptr(32)}} {
		_, err := w.GenerateDataKey(ctx, w.root, in)
		requireRefused(t, err, kms.ErrValidation, "Please specify either number of bytes or key spec.")
	}
	_, err := w.GenerateDataKey(ctx, w.root, kms.GenerateDataKeyInput{KeyID: key.ID, NumberOfBytes: ptr(0)})
	requireRefused(t, err, kms.ErrValidation,
		"1 validation error detected: Value '0' at 'numberOfBytes' failed to satisfy constraint: Member must have value greater than or equal to 1")
}

func TestKeyring(t *testing.T) {
	w := newWorld(t)
	a, b := w.key(), w.key()
	r := w.Keyring()
	vol := func(id string) pairs { return pairs{"aws:ebs:id": id} }
	dek, blob, arn, err := r.NewDataKey(ctx, a.ID, vol("vol-1"))
	require.NoError(t, err)
	require.Equal(t, a.ARN, arn)
	require.Equal(t, "GenerateDataKeyWithoutPlaintext", w.trail.last(t)["eventName"])
	require.EqualValues(t, 64, w.trail.last(t)["requestParameters"].(map[string]any)["numberOfBytes"])

	again, err := r.Unwrap(ctx, blob, vol("vol-1"))
	require.NoError(t, err)
	require.True(t, dek.Secret().Equal(again.Secret()))
	require.Equal(t, "Decrypt", w.trail.last(t)["eventName"])
	_, err = r.Unwrap(ctx, blob, vol("vol-2"))
	require.ErrorIs(t, err, kms.ErrInvalidCiphertext)

	for _, to := range []struct{ key, arn, event string }{{a.ARN, a.ARN, "GenerateDataKeyWithoutPlaintext"}, {b.ID, b.ARN, "ReEncrypt"}} {
		same, moved, arn, err := r.Rewrap(ctx, blob, vol("vol-1"), to.key, vol("vol-2"))
		require.NoError(t, err)
		require.True(t, dek.Secret().Equal(same.Secret()))
		require.Equal(t, to.arn, arn)
		require.Equal(t, to.event, w.trail.last(t)["eventName"])
		opened, err := r.Unwrap(ctx, moved, vol("vol-2"))
		require.NoError(t, err)
		require.True(t, dek.Secret().Equal(opened.Secret()))
	}
	_, _, _, err = r.Rewrap(ctx, blob, vol("vol-9"), a.ID, vol("vol-2"))
	require.ErrorIs(t, err, kms.ErrInvalidCiphertext)
	_, _, _, err = r.Rewrap(ctx, []byte("junk"), vol("vol-1"), a.ID, vol("vol-2"))
	require.ErrorIs(t, err, kms.ErrInvalidCiphertext)
}

func TestReservedKeyIsInvisible(t *testing.T) {
	w := newWorld(t)
	events := len(w.trail.events)
	r := w.Keyring()
	dek, blob, arn, err := r.NewDataKey(ctx, "", pairs{"v": "1"})
	require.NoError(t, err)
	require.Empty(t, arn)
	again, err := r.Unwrap(ctx, blob, pairs{"v": "1"})
	require.NoError(t, err)
	require.True(t, dek.Secret().Equal(again.Secret()))
	_, moved, _, err := r.Rewrap(ctx, blob, pairs{"v": "1"}, "", pairs{"v": "2"})
	require.NoError(t, err)
	_, err = r.Unwrap(ctx, moved, pairs{"v": "2"})
	require.NoError(t, err)
	require.Len(t, w.trail.events, events, "not audited")

	list, err := w.ListKeys(ctx, w.root, kms.ListKeysInput{})
	require.NoError(t, err)
	require.Empty(t, list.Keys)
	_, err = w.Decrypt(ctx, w.root, kms.DecryptInput{CiphertextBlob: blob, EncryptionContext: pairs{"v": "1"}})
	requireRefused(t, err, kms.ErrInvalidCiphertext, "")
	h, err := aead.ParseWrapped(blob)
	require.NoError(t, err)
	_, err = w.DescribeKey(ctx, w.root, kms.DescribeKeyInput{KeyID: uuid(h.KeyID)})
	require.ErrorIs(t, err, kms.ErrNotFound)
}

func TestAnchors(t *testing.T) {
	w := newWorld(t)
	r := w.Keyring()
	v, err := r.Load(ctx, "vol/1\xff")
	require.NoError(t, err)
	require.Nil(t, v)
	require.NoError(t, r.Save(ctx, "vol/1\xff", []byte("anchor")))
	v, err = r.Load(ctx, "vol/1\xff")
	require.NoError(t, err)
	require.Equal(t, "anchor", string(v))
	require.NoError(t, r.Save(ctx, "vol/1\xff", nil))
	v, err = r.Load(ctx, "vol/1\xff")
	require.NoError(t, err)
	require.Nil(t, v)
	require.ErrorIs(t, r.Save(ctx, "n", make([]byte, 257)), kms.ErrStoreLimit)
}
