package kms

import (
	"context"

	"coffer.example/aead"
)

// StoreKeyring returns the keyring for a store's own work: verification, and the
// re-encryption that goes on after a restart. It opens each data key as the root of the
// account that owns the key, in the key's Region, through the service that such keys and
// encryption contexts are for, as the policies of AWS managed keys ask. New data keys it makes as Keyring does.
func (k *KMS) StoreKeyring() *Keyring {
	r := k.Keyring()
	r.asOwner = true
	return r
}

// acting returns the keyring that uses a blob. What cannot be found is refused, and
// recorded, by the use itself.
func (r *Keyring) acting(ctx context.Context, wrapped []byte, encryptionContext map[string]string) *Keyring {
	if !r.asOwner {
		return r
	}
	h, err := aead.ParseWrapped(wrapped)
	if err != nil {
		return r
	}
	e, err := r.k.entry(ctx, formatUUID(h.KeyID))
	if err != nil {
		return r
	}
	service := "ec2"
	if _, ok := encryptionContext["aws:rds:db-id"]; ok { // of a database's volume, also under a customer's key
		service = "rds"
	}
	for _, s := range managedServices() {
		if s.name == e.Service {
			service = s.principal
		}
	}
	via := service + "." + e.Region + ".amazonaws.com"
	owner := r.k.KeyringFor(Caller{
		Account: e.Account, ARN: rootARN(e.Account), UserID: e.Account, Type: "Root", Region: e.Region,
		ViaService: via, SourceIP: via, UserAgent: via,
	})
	owner.unchecked = r.unchecked
	return owner
}
