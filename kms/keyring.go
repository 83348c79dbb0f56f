package kms

import (
	"context"
	"errors"

	"coffer.example/aead"
)

// Keyring makes and opens the data keys of a block store as one caller: every use is
// authorised and audited as the operation that AWS shows for it, while the plaintext
// stays in the process. It implements blockstore.Keyring and blockstore.AnchorStore.
//
// The empty key name means the reserved key, which Init makes: no operation shows it,
// no policy governs it, and its uses are not audited.
type Keyring struct {
	k           *KMS
	caller      Caller
	grantTokens []string
	asOwner     bool // of each blob's key, in place of caller; see StoreKeyring
	unchecked   bool // by states and policies; see OperatorKeyring
}

// Keyring returns the keyring of the account root.
func (k *KMS) Keyring() *Keyring { return k.KeyringFor(k.RootCaller()) }

// KeyringFor returns the keyring of a caller.
func (k *KMS) KeyringFor(caller Caller, grantTokens ...string) *Keyring {
	return &Keyring{k: k, caller: caller, grantTokens: grantTokens}
}

// RootCaller is the root of the account of Options, in its Region.
func (k *KMS) RootCaller() Caller {
	return Caller{Account: k.o.Account, ARN: rootARN(k.o.Account), UserID: k.o.Account, Type: "Root", Region: k.o.Region}
}

// NewDataKey draws a data key of aead.VolumeDataKeySize bytes under the named key. It
// is GenerateDataKeyWithoutPlaintext, as an EBS host asks for it.
func (r *Keyring) NewDataKey(ctx context.Context, key string, encryptionContext map[string]string) (dek *aead.DataKey, wrapped []byte, keyARN string, err error) {
	b, err := r.k.draw(aead.VolumeDataKeySize)
	if err != nil {
		return nil, nil, "", err
	}
	return r.wrapUnder(ctx, aead.NewSecret(b), key, encryptionContext)
}

// wrapUnder wraps secret, which it takes over, under the named key.
func (r *Keyring) wrapUnder(ctx context.Context, secret *aead.Secret, key string, ec map[string]string) (*aead.DataKey, []byte, string, error) {
	var wrapped []byte
	var arn string
	var err error
	if key == "" {
		wrapped, err = r.k.wrapReserved(ctx, secret, ec)
	} else {
		wrapped, arn, err = r.generate(ctx, secret, key, ec)
	}
	var dek *aead.DataKey
	if err == nil {
		dek, err = aead.DataKeyFromSecret(secret)
	}
	if err != nil {
		secret.Destroy()
		return nil, nil, "", err
	}
	return dek, wrapped, arn, nil
}

// generate wraps secret as GenerateDataKeyWithoutPlaintext would a new data key.
func (r *Keyring) generate(ctx context.Context, secret *aead.Secret, key string, ec map[string]string) ([]byte, string, error) {
	size := secret.Len()
	out, err := perform(ctx, r.k, r.caller, "GenerateDataKeyWithoutPlaintext", func(cl *call) (*GenerateDataKeyOutput, error) {
		return cl.dataKey(ctx, GenerateDataKeyInput{KeyID: key, EncryptionContext: ec, NumberOfBytes: &size,
			GrantTokens: r.grantTokens}, secret.Bytes())
	})
	if err != nil {
		return nil, "", err
	}
	return out.CiphertextBlob, out.KeyARN, nil
}

// Unwrap opens a wrapped data key. It is Decrypt.
func (r *Keyring) Unwrap(ctx context.Context, wrapped []byte, encryptionContext map[string]string) (*aead.DataKey, error) {
	if r.k.isReserved(wrapped) {
		secret, err := r.k.unwrapReserved(ctx, wrapped, encryptionContext)
		if err != nil {
			return nil, err
		}
		return dataKey(secret)
	}
	r = r.acting(ctx, wrapped, encryptionContext)
	return perform(ctx, r.k, r.caller, "Decrypt", func(cl *call) (*aead.DataKey, error) {
		in := DecryptInput{CiphertextBlob: wrapped, EncryptionContext: encryptionContext, GrantTokens: r.grantTokens}
		cl.params = (&cryptoParams{EncryptionAlgorithm: algorithmSymmetric, EncryptionContext: encryptionContext}).fields(cl)
		if err := checkDecrypt(&in, false); err != nil {
			return nil, err
		}
		open := cl.decrypt
		if r.unchecked {
			open = cl.decryptUnchecked
		}
		plain, _, _, err := open(ctx, in, false)
		if err != nil {
			return nil, err
		}
		return dataKey(aead.NewSecret(plain))
	})
}

// dataKey takes secret over as a data key; a blob that holds something else is none.
func dataKey(secret *aead.Secret) (*aead.DataKey, error) {
	dek, err := aead.DataKeyFromSecret(secret)
	if err != nil {
		secret.Destroy()
		return nil, errInvalidCiphertext
	}
	return dek, nil
}

// Rewrap wraps the data key of a blob for another context. Under the same KMS key it
// is GenerateDataKeyWithoutPlaintext, as AWS shows it; under another one ReEncrypt, or
// Decrypt and GenerateDataKeyWithoutPlaintext where the blob's key is in another Region.
func (r *Keyring) Rewrap(ctx context.Context, wrapped []byte, encryptionContext map[string]string, key string, newContext map[string]string) (dek *aead.DataKey, newWrapped []byte, keyARN string, err error) {
	if r.k.isReserved(wrapped) {
		secret, err := r.k.unwrapReserved(ctx, wrapped, encryptionContext)
		if err != nil {
			return nil, nil, "", err
		}
		return r.wrapUnder(ctx, secret, key, newContext)
	}
	if key == "" {
		dek, err := r.Unwrap(ctx, wrapped, encryptionContext)
		if err != nil {
			return nil, nil, "", err
		}
		return r.wrapUnder(ctx, dek.Secret(), "", newContext)
	}
	r = r.acting(ctx, wrapped, encryptionContext)
	if there := r.elsewhere(ctx, wrapped); there != nil {
		return r.rewrapElsewhere(ctx, there, wrapped, encryptionContext, key, newContext)
	}
	same, err := r.sameKey(ctx, wrapped, key)
	if err != nil {
		return nil, nil, "", err
	}
	if same {
		return r.rewrapSame(ctx, wrapped, encryptionContext, key, newContext)
	}
	return r.rewrapOther(ctx, wrapped, encryptionContext, key, newContext)
}

// sameKey says whether key names the key of a blob.
func (r *Keyring) sameKey(ctx context.Context, wrapped []byte, key string) (bool, error) {
	h, err := aead.ParseWrapped(wrapped)
	if err != nil {
		return false, nil // rewrapOther refuses and records it
	}
	cl := newCall(r.k, r.caller, "")
	if err := cl.prepare(); err != nil {
		return false, err
	}
	e, _, err := cl.find(ctx, key, anyName)
	if refused := (*Error)(nil); errors.As(err, &refused) {
		return false, nil // likewise
	}
	return err == nil && e.ID == formatUUID(h.KeyID), err
}

func (r *Keyring) rewrapSame(ctx context.Context, wrapped []byte, ec map[string]string, key string, newContext map[string]string) (*aead.DataKey, []byte, string, error) {
	size := aead.VolumeDataKeySize
	var secret *aead.Secret
	out, err := perform(ctx, r.k, r.caller, "GenerateDataKeyWithoutPlaintext", func(cl *call) (*GenerateDataKeyOutput, error) {
		in := GenerateDataKeyInput{KeyID: key, EncryptionContext: newContext, NumberOfBytes: &size, GrantTokens: r.grantTokens}
		return cl.rewrap(ctx, in, wrapped, ec, &secret)
	})
	if err != nil {
		secret.Destroy()
		return nil, nil, "", err
	}
	dek, err := dataKey(secret)
	return dek, out.CiphertextBlob, out.KeyARN, err
}

// rewrap is dataKey with the plaintext of a blob under the same key in place of a new one.
func (cl *call) rewrap(ctx context.Context, in GenerateDataKeyInput, wrapped []byte, ec map[string]string, secret **aead.Secret) (*GenerateDataKeyOutput, error) {
	cl.params = (&cryptoParams{KeyID: in.KeyID, EncryptionContext: in.EncryptionContext, NumberOfBytes: in.NumberOfBytes}).fields(cl)
	old, err := canonicalContext(ec)
	if err != nil {
		return nil, err
	}
	e, canonical, err := cl.target(ctx, use{action: cl.op, keyID: in.KeyID, context: in.EncryptionContext, grantTokens: in.GrantTokens})
	if err != nil {
		return nil, err
	}
	h, err := aead.ParseWrapped(wrapped)
	if err != nil {
		return nil, errInvalidCiphertext
	}
	plain, err := cl.k.unwrap(ctx, e, h, wrapped, old)
	if err != nil {
		return nil, err
	}
	*secret = aead.NewSecret(plain)
	blob, err := cl.k.wrap(ctx, e, (*secret).Bytes(), canonical)
	return &GenerateDataKeyOutput{CiphertextBlob: blob, KeyARN: e.arn, KeyMaterialID: e.Material}, err
}

func (r *Keyring) rewrapOther(ctx context.Context, wrapped []byte, ec map[string]string, key string, newContext map[string]string) (*aead.DataKey, []byte, string, error) {
	var secret *aead.Secret
	out, err := perform(ctx, r.k, r.caller, "ReEncrypt", func(cl *call) (*ReEncryptOutput, error) {
		plain, out, err := cl.reEncrypt(ctx, ReEncryptInput{CiphertextBlob: wrapped, SourceEncryptionContext: ec,
			DestinationKeyID: key, DestinationEncryptionContext: newContext, GrantTokens: r.grantTokens})
		secret = aead.NewSecret(plain)
		return out, err
	})
	if err != nil {
		secret.Destroy()
		return nil, nil, "", err
	}
	dek, err := dataKey(secret)
	return dek, out.CiphertextBlob, out.KeyARN, err
}
