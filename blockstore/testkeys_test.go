package blockstore

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"sync"

	"coffer.example/aead"
)

// testKeys is a Keyring and AnchorStore in memory: KMS keys by name, each of which can be disabled.
type testKeys struct {
	mu       sync.Mutex
	keys     map[string]*aead.WrappingKey
	disabled map[string]bool
	anchors  map[string][]byte
}

var errTestDisabled = errors.New("key is disabled")

func newTestKeys() *testKeys {
	return &testKeys{keys: map[string]*aead.WrappingKey{}, disabled: map[string]bool{}, anchors: map[string][]byte{}}
}

func (k *testKeys) key(name string) (*aead.WrappingKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.disabled[name] {
		return nil, errTestDisabled
	}
	if w := k.keys[name]; w != nil {
		return w, nil
	}
	m := sha256.Sum256([]byte("test key " + name)) // the golden store needs the same again
	var h aead.WrapHeader
	copy(h.KeyID[:], name)
	copy(h.MaterialID[:], name)
	w, err := aead.NewWrappingKey(h, aead.NewSecret(m[:]))
	k.keys[name] = w
	return w, err
}

func (k *testKeys) disable(name string, off bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.disabled[name] = off
}

func (k *testKeys) NewDataKey(_ context.Context, key string, ec map[string]string) (*aead.DataKey, []byte, string, error) {
	w, err := k.key(key)
	if err != nil {
		return nil, nil, "", err
	}
	dek, err := aead.NewDataKey(rand.Reader)
	if err != nil {
		return nil, nil, "", err
	}
	b, err := w.Wrap(rand.Reader, dek.Secret().Bytes(), contextBytes(ec))
	return dek, b, key, err
}

func (k *testKeys) Unwrap(_ context.Context, wrapped []byte, ec map[string]string) (*aead.DataKey, error) {
	h, err := aead.ParseWrapped(wrapped)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	var name string
	for n, w := range k.keys {
		if w.Header() == h {
			name = n
		}
	}
	k.mu.Unlock()
	w, err := k.key(name)
	if err != nil {
		return nil, err
	}
	s, err := w.Unwrap(wrapped, contextBytes(ec))
	if err != nil {
		return nil, fmt.Errorf("unwrap: %w", err)
	}
	return aead.DataKeyFromSecret(s)
}

func (k *testKeys) Rewrap(ctx context.Context, wrapped []byte, ec map[string]string, key string, to map[string]string) (*aead.DataKey, []byte, string, error) {
	dek, err := k.Unwrap(ctx, wrapped, ec)
	if err != nil {
		return nil, nil, "", err
	}
	w, err := k.key(key)
	if err != nil {
		return nil, nil, "", err
	}
	b, err := w.Wrap(rand.Reader, dek.Secret().Bytes(), contextBytes(to))
	return dek, b, key, err
}

func (k *testKeys) Load(_ context.Context, name string) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.anchors[name], nil
}

func (k *testKeys) Save(_ context.Context, name string, v []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if v == nil {
		delete(k.anchors, name)
		return nil
	}
	k.anchors[name] = append([]byte(nil), v...)
	return nil
}

func (k *testKeys) copyAnchors() map[string][]byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	return maps.Clone(k.anchors)
}

func (k *testKeys) setAnchors(a map[string][]byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.anchors = a
}

// fork returns the same keys with anchors of their own: those of an image.
func (k *testKeys) fork(anchors map[string][]byte) *testKeys {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := newTestKeys()
	maps.Copy(out.keys, k.keys)
	maps.Copy(out.disabled, k.disabled)
	maps.Copy(out.anchors, anchors)
	return out
}
