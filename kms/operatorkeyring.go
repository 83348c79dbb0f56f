package kms

import (
	"context"

	"coffer.example/aead"
)

// OperatorKeyring returns the keyring of whoever holds the root key and a directory that
// nobody serves: it opens data keys whatever the state and the policy of their key say, since
// nothing could keep the operator from it. It is for checking data offline. Every use is
// audited; what it makes, it makes as StoreKeyring does.
func (k *KMS) OperatorKeyring() *Keyring {
	r := k.StoreKeyring()
	r.unchecked = true
	return r
}

// decryptUnchecked unwraps without asking states and policies.
func (cl *call) decryptUnchecked(ctx context.Context, in DecryptInput, _ bool) ([]byte, *keyEntry, aead.WrapHeader, error) {
	canonical, err := canonicalContext(in.EncryptionContext)
	if err != nil {
		return nil, nil, aead.WrapHeader{}, err
	}
	e, _, h, err := cl.source(ctx, in.CiphertextBlob, in.KeyID)
	if err != nil {
		return nil, nil, h, err
	}
	plain, err := cl.k.unwrap(ctx, e, h, in.CiphertextBlob, canonical)
	return plain, e, h, err
}
