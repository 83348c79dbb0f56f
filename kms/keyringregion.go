package kms

import (
	"context"
	"strings"

	"coffer.example/aead"
)

// elsewhere returns this keyring in the Region of a blob's key, nil if that is the
// caller's own or cannot be found. A copy into another Region uses the source's key
// where it is, as the same caller.
func (r *Keyring) elsewhere(ctx context.Context, wrapped []byte) *Keyring {
	h, err := aead.ParseWrapped(wrapped)
	if err != nil {
		return nil
	}
	e, err := r.k.entry(ctx, formatUUID(h.KeyID))
	here := or(r.caller.Region, r.k.o.Region)
	if err != nil || e.Region == here {
		return nil
	}
	there := *r
	there.caller.Region = e.Region
	there.caller.ViaService = strings.Replace(r.caller.ViaService, "."+here+".", "."+e.Region+".", 1)
	return &there
}

// rewrapElsewhere is Rewrap of a data key from another Region: Decrypt there,
// GenerateDataKeyWithoutPlaintext here.
func (r *Keyring) rewrapElsewhere(ctx context.Context, there *Keyring, wrapped []byte, encryptionContext map[string]string, key string, newContext map[string]string) (*aead.DataKey, []byte, string, error) {
	dek, err := there.Unwrap(ctx, wrapped, encryptionContext)
	if err != nil {
		return nil, nil, "", err
	}
	return r.wrapUnder(ctx, dek.Secret(), key, newContext)
}
