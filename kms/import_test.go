package kms_test

import (
	"bytes"
	"crypto/aes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"hash"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"coffer.example/kms"
)

// importer wraps material as a client does. It keeps the parameters of a key.
type importer struct {
	w         *world
	algorithm string
	spec      string
	params    map[string]*kms.ImportParameters
}

func newImporter(w *world) *importer {
	return &importer{w: w, algorithm: "RSAES_OAEP_SHA_256", spec: "RSA_2048", params: map[string]*kms.ImportParameters{}}
}

func bytesOf(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

// input makes an ImportKeyMaterial request that does not expire.
func (im *importer) input(keyID string, material []byte, importType string) kms.ImportKeyMaterialInput {
	p := im.params[keyID]
	if p == nil {
		var err error
		p, err = im.w.GetParametersForImport(ctx, im.w.root, kms.GetParametersForImportInput{
			KeyID: keyID, WrappingAlgorithm: im.algorithm, WrappingKeySpec: im.spec})
		if err != nil { // an import that is refused needs no parameters
			return kms.ImportKeyMaterialInput{KeyID: keyID, ImportToken: []byte("x"), EncryptedKeyMaterial: []byte("x"),
				ExpirationModel: "KEY_MATERIAL_DOES_NOT_EXPIRE"}
		}
		im.params[keyID] = p
	}
	return kms.ImportKeyMaterialInput{KeyID: keyID, ImportToken: p.ImportToken, ImportType: importType,
		EncryptedKeyMaterial: wrapForImport(im.w.t, p.PublicKey, im.algorithm, material), ExpirationModel: "KEY_MATERIAL_DOES_NOT_EXPIRE"}
}

func (im *importer) put(keyID string, material []byte, importType string) error {
	_, err := im.w.ImportKeyMaterial(ctx, im.w.root, im.input(keyID, material, importType))
	return err
}

func wrapForImport(t testing.TB, spki []byte, algorithm string, material []byte) []byte {
	pub, err := x509.ParsePKIXPublicKey(spki)
	require.NoError(t, err)
	var h hash.Hash = sha256.New()
	if algorithm[len(algorithm)-2:] == "_1" {
		h = sha1.New()
	}
	oaep := func(b []byte) []byte {
		out, err := rsa.EncryptOAEP(h, rand.Reader, pub.(*rsa.PublicKey), b, nil)
		require.NoError(t, err)
		return out
	}
	if algorithm[:5] == "RSAES" {
		return oaep(material)
	}
	kek := bytesOf(0x42)
	return append(oaep(kek), wrapKWP(t, kek, material)...)
}

// wrapKWP is AES key wrap with padding (RFC 5649), written from the RFC for the test.
func wrapKWP(t testing.TB, kek, key []byte) []byte {
	block, err := aes.NewCipher(kek)
	require.NoError(t, err)
	n := (len(key) + 7) / 8
	out := make([]byte, 8+8*n)
	binary.BigEndian.PutUint32(out, 0xA65959A6)
	binary.BigEndian.PutUint32(out[4:], uint32(len(key)))
	copy(out[8:], key)
	if n == 1 {
		block.Encrypt(out, out)
		return out
	}
	var b [16]byte
	for j := range 6 {
		for i := 1; i <= n; i++ {
			copy(b[:], out[:8])
			copy(b[8:], out[8*i:])
			block.Encrypt(b[:], b[:])
			copy(out[8*i:], b[8:])
			binary.BigEndian.PutUint64(out, binary.BigEndian.Uint64(b[:])^uint64(j*n+i))
		}
	}
	return out
}

func (w *world) external() *kms.KeyMetadata {
	m, err := w.CreateKey(ctx, w.root, kms.CreateKeyInput{Origin: "EXTERNAL"})
	require.NoError(w.t, err)
	require.Equal(w.t, kms.PendingImport, m.State)
	return m
}

func (w *world) describe(id string) *kms.KeyMetadata {
	w.t.Helper()
	m, err := w.DescribeKey(ctx, w.root, kms.DescribeKeyInput{KeyID: id})
	require.NoError(w.t, err)
	return m
}

func TestImportWithEveryAlgorithm(t *testing.T) {
	w := newWorld(t)
	for _, algorithm := range []string{"RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "RSA_AES_KEY_WRAP_SHA_1", "RSA_AES_KEY_WRAP_SHA_256"} {
		t.Run(algorithm, func(t *testing.T) {
			im := newImporter(w)
			im.algorithm = algorithm
			key := w.external()
			require.NoError(t, im.put(key.ID, bytesOf(0x11), ""))
			require.Equal(t, kms.Enabled, w.describe(key.ID).State)
			enc, err := w.Encrypt(ctx, w.root, kms.EncryptInput{KeyID: key.ID, Plaintext: []byte("x")})
			require.NoError(t, err)
			// The same material alone opens it again.
			_, err = w.DeleteImportedKeyMaterial(ctx, w.root, kms.DeleteImportedKeyMaterialInput{KeyID: key.ID})
			require.NoError(t, err)
			require.ErrorIs(t, im.put(key.ID, bytesOf(0x12), ""), kms.ErrIncorrectKeyMaterial)
			require.NoError(t, im.put(key.ID, bytesOf(0x11), ""))
			dec, err := w.Decrypt(ctx, w.root, kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob})
			require.NoError(t, err)
			require.Equal(t, "x", string(dec.Plaintext))
		})
	}
}

func TestImportRefusals(t *testing.T) {
	w := newWorld(t)
	im := newImporter(w)
	key, other := w.external(), w.external()
	good := im.input(key.ID, bytesOf(0x11), "")
	try := func(change func(*kms.ImportKeyMaterialInput)) error {
		in := good
		change(&in)
		_, err := w.ImportKeyMaterial(ctx, w.root, in)
		return err
	}
	now := w.clock.now()
	requireRefused(t, try(func(in *kms.ImportKeyMaterialInput) { in.ExpirationModel = "" }), kms.ErrValidation,
		"A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES")
	for name, change := range map[string]func(*kms.ImportKeyMaterialInput){
		"date without expiry": func(in *kms.ImportKeyMaterialInput) { in.ValidTo = now.Add(time.Hour) },
		"past":                func(in *kms.ImportKeyMaterialInput) { in.ExpirationModel, in.ValidTo = "", now },
		"too far":             func(in *kms.ImportKeyMaterialInput) { in.ExpirationModel, in.ValidTo = "", now.AddDate(1, 0, 1) },
		"unknown model":       func(in *kms.ImportKeyMaterialInput) { in.ExpirationModel = "NEVER" },
	} {
		require.ErrorIs(t, try(change), kms.ErrValidation, name)
	}
	require.ErrorIs(t, try(func(in *kms.ImportKeyMaterialInput) {
		in.ImportToken = bytes.Clone(good.ImportToken)
		in.ImportToken[9] ^= 1
	}), kms.ErrInvalidImportToken)
	require.ErrorIs(t, try(func(in *kms.ImportKeyMaterialInput) { in.KeyID = other.ID }), kms.ErrInvalidImportToken)
	require.ErrorIs(t, try(func(in *kms.ImportKeyMaterialInput) { in.EncryptedKeyMaterial = []byte("junk") }), kms.ErrInvalidCiphertext)
	require.ErrorIs(t, im.put(key.ID, []byte("short"), ""), kms.ErrIncorrectKeyMaterial)
	require.Equal(t, kms.PendingImport, w.describe(key.ID).State)
	w.clock.advance(24 * time.Hour)
	require.ErrorIs(t, try(func(*kms.ImportKeyMaterialInput) {}), kms.ErrExpiredImportToken)

	plain := w.key()
	_, err := w.GetParametersForImport(ctx, w.root, kms.GetParametersForImportInput{KeyID: plain.ID, WrappingAlgorithm: "RSAES_OAEP_SHA_256", WrappingKeySpec: "RSA_2048"})
	requireRefused(t, err, kms.ErrUnsupported, plain.ARN+" origin is AWS_KMS which is not valid for this operation.")
	_, err = w.GetParametersForImport(ctx, w.root, kms.GetParametersForImportInput{KeyID: key.ID, WrappingAlgorithm: "SM2PKE", WrappingKeySpec: "SM2"})
	require.ErrorIs(t, err, kms.ErrUnsupported)
}

func TestImportedMaterialExpires(t *testing.T) {
	w := newWorld(t)
	im := newImporter(w)
	key := w.external()
	in := im.input(key.ID, bytesOf(0x11), "")
	in.ExpirationModel, in.ValidTo = "KEY_MATERIAL_EXPIRES", w.clock.now().Add(48*time.Hour)
	_, err := w.ImportKeyMaterial(ctx, w.root, in)
	require.NoError(t, err)
	require.Equal(t, in.ValidTo, w.describe(key.ID).ValidTo)
	enc, err := w.Encrypt(ctx, w.root, kms.EncryptInput{KeyID: key.ID, Plaintext: []byte("x")})
	require.NoError(t, err)
	w.clock.days(2)
	_, err = w.Decrypt(ctx, w.root, kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob})
	requireRefused(t, err, kms.ErrInvalidState, key.ARN+" is pending import.")
	require.Contains(t, w.trail.names(), "DeleteExpiredKeyMaterial")
	m := w.describe(key.ID)
	require.Equal(t, kms.PendingImport, m.State)
	require.Zero(t, m.ValidTo)
	im.params = map[string]*kms.ImportParameters{}
	require.NoError(t, im.put(key.ID, bytesOf(0x11), ""))
	_, err = w.Decrypt(ctx, w.root, kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob})
	require.NoError(t, err)
}

func TestRotationOfImportedMaterial(t *testing.T) {
	w := newWorld(t)
	im := newImporter(w)
	key := w.external()
	require.NoError(t, im.put(key.ID, bytesOf(0x11), "NEW_KEY_MATERIAL"))
	first := w.describe(key.ID).CurrentMaterialID
	_, err := w.RotateKeyOnDemand(ctx, w.root, kms.KeyInput{KeyID: key.ID})
	requireRefused(t, err, kms.ErrInvalidState, "No available key material pending rotation for the key: "+key.ARN+".")
	require.ErrorIs(t, im.put(key.ID, bytesOf(0x11), "NEW_KEY_MATERIAL"), kms.ErrIncorrectKeyMaterial)

	enc, err := w.Encrypt(ctx, w.root, kms.EncryptInput{KeyID: key.ID, Plaintext: []byte("old")})
	require.NoError(t, err)
	require.NoError(t, im.put(key.ID, bytesOf(0x22), "NEW_KEY_MATERIAL"))
	require.Equal(t, first, w.describe(key.ID).CurrentMaterialID)
	require.ErrorIs(t, im.put(key.ID, bytesOf(0x33), "NEW_KEY_MATERIAL"), kms.ErrInvalidState)
	_, err = w.RotateKeyOnDemand(ctx, w.root, kms.KeyInput{KeyID: key.ID})
	require.NoError(t, err)
	second := w.describe(key.ID).CurrentMaterialID
	require.NotEqual(t, first, second)

	list, err := w.ListKeyRotations(ctx, w.root, kms.ListKeyRotationsInput{KeyID: key.ID, IncludeKeyMaterial: "ALL_KEY_MATERIAL"})
	require.NoError(t, err)
	require.Len(t, list.Rotations, 2)
	require.Equal(t, []string{first, "NON_CURRENT", "IMPORTED"}, []string{list.Rotations[0].MaterialID, list.Rotations[0].MaterialState, list.Rotations[0].ImportState})
	require.Equal(t, []string{second, "CURRENT", "ON_DEMAND"}, []string{list.Rotations[1].MaterialID, list.Rotations[1].MaterialState, list.Rotations[1].Type})

	// Without the old material the whole key waits for it.
	_, err = w.DeleteImportedKeyMaterial(ctx, w.root, kms.DeleteImportedKeyMaterialInput{KeyID: key.ID, KeyMaterialID: first})
	require.NoError(t, err)
	require.Equal(t, kms.PendingImport, w.describe(key.ID).State)
	require.NoError(t, im.put(key.ID, bytesOf(0x11), ""))
	require.Equal(t, kms.Enabled, w.describe(key.ID).State)
	dec, err := w.Decrypt(ctx, w.root, kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob})
	require.NoError(t, err)
	require.Equal(t, first, dec.KeyMaterialID)

	// Material that waits for its rotation may be taken back.
	require.NoError(t, im.put(key.ID, bytesOf(0x33), "NEW_KEY_MATERIAL"))
	list, err = w.ListKeyRotations(ctx, w.root, kms.ListKeyRotationsInput{KeyID: key.ID, IncludeKeyMaterial: "ALL_KEY_MATERIAL"})
	require.NoError(t, err)
	require.Equal(t, "PENDING_ROTATION", list.Rotations[2].MaterialState)
	_, err = w.DeleteImportedKeyMaterial(ctx, w.root, kms.DeleteImportedKeyMaterialInput{KeyID: key.ID, KeyMaterialID: list.Rotations[2].MaterialID})
	require.NoError(t, err)
	require.Equal(t, kms.Enabled, w.describe(key.ID).State)
	require.NoError(t, im.put(key.ID, bytesOf(0x44), "NEW_KEY_MATERIAL"))
}
