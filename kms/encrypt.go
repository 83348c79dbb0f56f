package kms

import (
	"context"
	"slices"

	"coffer.example/aead"
)

var errDryRun = &Error{Kind: ErrDryRun, Message: "The request would have succeeded, but the DryRun option is set."}

// use is one use of a symmetric key: which, for what, under which context.
type use struct {
	action      string
	keyID       string
	context     map[string]string
	algorithm   string
	grantTokens []string
	keys        map[string][]string // further condition keys
}

// target finds, authorises and checks the key of a use, and returns it with the
// canonical context.
func (cl *call) target(ctx context.Context, u use) (*keyEntry, []byte, error) {
	canonical, err := canonicalContext(u.context)
	if err != nil {
		return nil, nil, err
	}
	e, alias, err := cl.find(ctx, u.keyID, anyName)
	if err != nil {
		return nil, nil, err
	}
	return e, canonical, cl.admit(ctx, e, alias, u)
}

// admit authorises a use of a key that has been found and checks its state and kind.
func (cl *call) admit(ctx context.Context, e *keyEntry, alias string, u use) error {
	if err := cl.checkGrantTokens(u.grantTokens); err != nil {
		return err
	}
	a := access{action: u.action, key: e, alias: alias, context: u.context, algorithm: algorithmSymmetric, keys: u.keys}
	if err := cl.authorize(ctx, a); err != nil {
		return err
	}
	if err := cl.requireState(e, Enabled); err != nil {
		return err
	}
	if e.Usage != usageEncrypt {
		return refuse(ErrInvalidKeyUsage, "%s key usage is %s which is not valid for %s.", e.arn, e.Usage, cl.op)
	}
	if u.algorithm != "" && u.algorithm != algorithmSymmetric {
		return refuse(ErrInvalidKeyUsage, "Algorithm %s is incompatible with key spec %s.", u.algorithm, e.Spec)
	}
	return nil
}

// Encrypt wraps up to 4096 bytes.
func (k *KMS) Encrypt(ctx context.Context, c Caller, in EncryptInput) (*EncryptOutput, error) {
	return perform(ctx, k, c, "Encrypt", func(cl *call) (*EncryptOutput, error) {
		cl.params = (&cryptoParams{KeyID: in.KeyID, EncryptionAlgorithm: or(in.EncryptionAlgorithm, algorithmSymmetric),
			EncryptionContext: in.EncryptionContext, DryRun: in.DryRun}).fields(cl)
		var v checks
		v.keyID(in.KeyID)
		v.blob("plaintext", in.Plaintext, maxPlaintext)
		v.algorithm("encryptionAlgorithm", in.EncryptionAlgorithm)
		v.grantTokens(in.GrantTokens)
		if err := v.err(); err != nil {
			return nil, err
		}
		e, canonical, err := cl.target(ctx, use{action: "Encrypt", keyID: in.KeyID, context: in.EncryptionContext,
			algorithm: in.EncryptionAlgorithm, grantTokens: in.GrantTokens})
		if err != nil {
			return nil, err
		}
		if in.DryRun {
			return nil, errDryRun
		}
		blob, err := k.wrap(ctx, e, in.Plaintext, canonical)
		if err != nil {
			return nil, err
		}
		return &EncryptOutput{CiphertextBlob: blob, KeyARN: e.arn, EncryptionAlgorithm: algorithmSymmetric}, nil
	})
}

// source finds the key of a blob and checks it against the key that the request
// names, if it names one.
func (cl *call) source(ctx context.Context, blob []byte, keyID string) (e *keyEntry, alias string, h aead.WrapHeader, err error) {
	h, err = aead.ParseWrapped(blob)
	if err != nil {
		if keyID != "" { // AWS names the key in the event all the same
			if _, _, err := cl.find(ctx, keyID, anyName); err != nil {
				return nil, "", h, err
			}
		}
		return nil, "", h, errInvalidCiphertext
	}
	if keyID == "" {
		e, err = cl.findByID(ctx, formatUUID(h.KeyID))
		return e, "", h, err
	}
	e, alias, err = cl.find(ctx, keyID, anyName)
	if err != nil {
		return nil, "", h, err
	}
	if e.ID != formatUUID(h.KeyID) {
		return nil, "", h, refuse(ErrIncorrectKey, "The key ID in the request does not identify a CMK that can perform this operation.")
	}
	return e, alias, h, nil
}

// ignoresCiphertext says whether a dry run is to be decided without a blob.
func ignoresCiphertext(dryRun bool, modifiers []string) bool {
	return dryRun && slices.Contains(modifiers, "IGNORE_CIPHERTEXT")
}

func (c *checks) dryRunModifiers(modifiers []string) {
	for _, m := range modifiers {
		c.enum("dryRunModifiers", m, "IGNORE_CIPHERTEXT")
	}
}

// Decrypt unwraps a blob under exactly the context it was wrapped with.
func (k *KMS) Decrypt(ctx context.Context, c Caller, in DecryptInput) (*DecryptOutput, error) {
	return perform(ctx, k, c, "Decrypt", func(cl *call) (*DecryptOutput, error) {
		cl.params = (&cryptoParams{KeyID: in.KeyID, EncryptionAlgorithm: or(in.EncryptionAlgorithm, algorithmSymmetric),
			EncryptionContext: in.EncryptionContext, DryRun: in.DryRun}).fields(cl)
		ignore := ignoresCiphertext(in.DryRun, in.DryRunModifiers)
		if err := checkDecrypt(&in, ignore); err != nil {
			return nil, err
		}
		plain, e, h, err := cl.decrypt(ctx, in, ignore)
		if err != nil {
			return nil, err
		}
		if in.DryRun {
			clear(plain)
			return nil, errDryRun
		}
		return &DecryptOutput{Plaintext: plain, KeyARN: e.arn,
			KeyMaterialID: e.materialName(h), EncryptionAlgorithm: algorithmSymmetric}, nil
	})
}

func checkDecrypt(in *DecryptInput, ignore bool) error {
	var v checks
	if !ignore || in.CiphertextBlob != nil {
		v.blob("ciphertextBlob", in.CiphertextBlob, maxBlob)
	} else {
		v.keyID(in.KeyID)
	}
	v.optionalKeyID(in.KeyID)
	v.algorithm("encryptionAlgorithm", in.EncryptionAlgorithm)
	v.grantTokens(in.GrantTokens)
	v.dryRunModifiers(in.DryRunModifiers)
	if err := v.err(); err != nil {
		return err
	}
	if in.Recipient {
		return refuse(ErrUnsupported, "Recipient is not supported.")
	}
	return nil
}

// decrypt authorises and unwraps. With ignore it stops after the authorisation.
func (cl *call) decrypt(ctx context.Context, in DecryptInput, ignore bool) ([]byte, *keyEntry, aead.WrapHeader, error) {
	canonical, err := canonicalContext(in.EncryptionContext)
	if err != nil {
		return nil, nil, aead.WrapHeader{}, err
	}
	u := use{action: "Decrypt", keyID: in.KeyID, context: in.EncryptionContext, algorithm: in.EncryptionAlgorithm, grantTokens: in.GrantTokens}
	if ignore {
		e, _, err := cl.target(ctx, u)
		return nil, e, aead.WrapHeader{}, err
	}
	e, alias, h, err := cl.source(ctx, in.CiphertextBlob, in.KeyID)
	if err != nil {
		return nil, nil, h, err
	}
	if err := cl.admit(ctx, e, alias, u); err != nil {
		return nil, nil, h, err
	}
	plain, err := cl.k.unwrap(ctx, e, h, in.CiphertextBlob, canonical)
	return plain, e, h, err
}

// or returns v, or byDefault where v is empty.
func or(v, byDefault string) string {
	if v == "" {
		return byDefault
	}
	return v
}
