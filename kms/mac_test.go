package kms_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/kms"
)

func TestMacs(t *testing.T) {
	w := newWorld(t)
	for _, size := range []string{"224", "256", "384", "512"} {
		key, err := w.CreateKey(ctx, w.root, kms.CreateKeyInput{KeySpec: "HMAC_" + size, KeyUsage: "GENERATE_VERIFY_MAC"})
		require.NoError(t, err)
		require.Equal(t, []string{"HMAC_SHA_" + size}, key.MACAlgorithms)
		in := kms.MacInput{KeyID: key.ID, Message: []byte("m"), MacAlgorithm: "HMAC_SHA_" + size}
		out, err := w.GenerateMac(ctx, w.root, in)
		require.NoError(t, err)
		_, err = w.VerifyMac(ctx, w.root, kms.VerifyMacInput{MacInput: in, Mac: out.Mac})
		require.NoError(t, err)
		out.Mac[0] ^= 1
		_, err = w.VerifyMac(ctx, w.root, kms.VerifyMacInput{MacInput: in, Mac: out.Mac})
		requireRefused(t, err, kms.ErrInvalidMac, "")
		in.MacAlgorithm = map[string]string{"HMAC_SHA_224": "HMAC_SHA_256"}[in.MacAlgorithm]
		if in.MacAlgorithm != "" {
			_, err = w.GenerateMac(ctx, w.root, in)
			requireRefused(t, err, kms.ErrInvalidKeyUsage, "Algorithm HMAC_SHA_256 is incompatible with key spec HMAC_224.")
		}
		_, err = w.Encrypt(ctx, w.root, kms.EncryptInput{KeyID: key.ID, Plaintext: []byte("x")})
		require.ErrorIs(t, err, kms.ErrInvalidKeyUsage)
		requireRefused(t, w.EnableKeyRotation(ctx, w.root, kms.EnableKeyRotationInput{KeyID: key.ID}), kms.ErrUnsupported, "")
	}
	sym := w.key()
	_, err := w.GenerateMac(ctx, w.root, kms.MacInput{KeyID: sym.ID, Message: []byte("m"), MacAlgorithm: "HMAC_SHA_256"})
	requireRefused(t, err, kms.ErrInvalidKeyUsage, sym.ARN+" key usage is ENCRYPT_DECRYPT which is not valid for GenerateMac.")
}

func TestDataKeyPairs(t *testing.T) {
	w := newWorld(t)
	key := w.key()
	for _, spec := range []string{"RSA_2048", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521"} {
		out, err := w.GenerateDataKeyPair(ctx, w.root, kms.GenerateDataKeyPairInput{KeyID: key.ID, KeyPairSpec: spec, EncryptionContext: pairs{"a": "b"}})
		require.NoError(t, err)
		dec, err := w.Decrypt(ctx, w.root, kms.DecryptInput{CiphertextBlob: out.PrivateKeyCiphertextBlob, EncryptionContext: pairs{"a": "b"}})
		require.NoError(t, err)
		require.Equal(t, out.PrivateKeyPlaintext, dec.Plaintext)
		requirePair(t, out.PrivateKeyPlaintext, out.PublicKey)
	}
	out, err := w.GenerateDataKeyPairWithoutPlaintext(ctx, w.root, kms.GenerateDataKeyPairInput{KeyID: key.ID, KeyPairSpec: "ECC_NIST_P256"})
	require.NoError(t, err)
	require.Nil(t, out.PrivateKeyPlaintext)
	_, err = w.GenerateDataKeyPair(ctx, w.root, kms.GenerateDataKeyPairInput{KeyID: key.ID, KeyPairSpec: "SM2"})
	require.ErrorIs(t, err, kms.ErrUnsupported)
}
