package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"

	"coffer.example/aead"
	"coffer.example/blockstore"
)

const benchKeyName = "bench"

// benchKeys is a Keyring that lives as long as one measurement: one wrapping key, under whatever names, in
// memory. It keeps no key alive that anything else needs.
type benchKeys struct{ key *aead.WrappingKey }

var _ blockstore.Keyring = benchKeys{}

func newBenchKeys() benchKeys {
	b := make([]byte, aead.KeySize)
	rand.Read(b) // never fails
	material := aead.NewSecret(b)
	defer material.Destroy()
	key, err := aead.NewWrappingKey(aead.WrapHeader{}, material)
	if err != nil {
		panic("coffer: " + err.Error()) // only for material of another size
	}
	return benchKeys{key}
}

// NewDataKey implements blockstore.Keyring.
func (k benchKeys) NewDataKey(_ context.Context, name string, pairs map[string]string) (*aead.DataKey, []byte, string, error) {
	dek, err := aead.NewDataKey(rand.Reader)
	if err != nil {
		return nil, nil, "", err
	}
	wrapped, err := k.key.Wrap(rand.Reader, dek.Secret().Bytes(), benchContext(pairs))
	return dek, wrapped, cmp.Or(name, benchKeyName), err
}

// Unwrap implements blockstore.Keyring.
func (k benchKeys) Unwrap(_ context.Context, wrapped []byte, pairs map[string]string) (*aead.DataKey, error) {
	s, err := k.key.Unwrap(wrapped, benchContext(pairs))
	if err != nil {
		return nil, err
	}
	return aead.DataKeyFromSecret(s)
}

// Rewrap implements blockstore.Keyring.
func (k benchKeys) Rewrap(ctx context.Context, wrapped []byte, pairs map[string]string, name string, next map[string]string) (*aead.DataKey, []byte, string, error) {
	dek, err := k.Unwrap(ctx, wrapped, pairs)
	if err != nil {
		return nil, nil, "", err
	}
	again, err := k.key.Wrap(rand.Reader, dek.Secret().Bytes(), benchContext(next))
	return dek, again, cmp.Or(name, benchKeyName), err
}

// benchContext is canonical because fmt prints maps sorted and %q quotes.
func benchContext(pairs map[string]string) []byte { return fmt.Appendf(nil, "%q", pairs) }
